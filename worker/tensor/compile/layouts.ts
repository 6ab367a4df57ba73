import type { NamedTensors } from "../named-tensors.ts";
import { dataTypeOf, type NativeBackend, type TensorHandle } from "../native-backend.ts";

/** Names, types and shapes as one text: a graph is made for each. */
export function layoutKey(tensors: NamedTensors): string {
  return Object.entries(tensors)
    .map(([name, tensor]) => `${name}:${dataTypeOf(tensor)}[${tensor.shape.join()}]`)
    .join(" ");
}

/** Tensors that own these handles, by name. */
export function namedTensors(
  backend: NativeBackend,
  names: readonly string[],
  handles: readonly TensorHandle[],
): NamedTensors {
  return Object.fromEntries(
    names.map((name, index) => [name, backend.createOutputTensor(handles[index]!)]),
  );
}
