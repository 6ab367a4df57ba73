import * as tf from "@tensorflow/tfjs-core";
import type { Tensor } from "@tensorflow/tfjs-core";
import { readSafetensors, writeSafetensors } from "./safetensors.ts";
import type { StoredTensor, TensorToWrite } from "./safetensors.ts";

/** Tensors by their name in the model's files (Hugging Face or PEFT names). */
export type NamedTensors = Record<string, Tensor>;

/**
 * Reads a safetensors file into tensors that the caller disposes; uint8 values become int32.
 * Throws Failure `file-invalid`.
 */
export async function readNamedTensors(path: string): Promise<NamedTensors> {
  const { tensors } = await readSafetensors(path);
  return Object.fromEntries([...tensors].map(([name, stored]) => [name, toTensor(stored)]));
}

/** Writes tensors as a safetensors file, one at a time in memory. See `writeSafetensors`. */
export async function writeNamedTensors(path: string, tensors: NamedTensors): Promise<void> {
  const entries = new Map<string, TensorToWrite>();
  for (const [name, tensor] of Object.entries(tensors)) {
    const dtype = tensor.dtype === "int32" ? "int32" : "float32";
    const data = () => tensor.data();
    entries.set(name, { dtype, shape: tensor.shape, data });
  }
  await writeSafetensors(path, entries);
}

/** A tensor of the same shape and values. */
export function toTensor({ dtype, shape, data }: StoredTensor): Tensor {
  return tf.tensor(data, shape, dtype === "float32" ? "float32" : "int32");
}
