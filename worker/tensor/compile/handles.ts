import type { NativeBinding, TensorHandle } from "../native-backend.ts";

/**
 * A new handle of a tensor's values: in the same memory, or in memory of the engine's own. What
 * JavaScript holds must not become a variable's value: TensorFlow would free it when the variable
 * changes, on one of its threads.
 */
export function handleOf(binding: NativeBinding, id: number, memory: "same" | "own"): TensorHandle {
  const [handle] = binding.executeOp(memory === "same" ? "Identity" : "DeepCopy", [], [id], 1);
  return handle!;
}
