import * as tf from "@tensorflow/tfjs-core";
import type { Tensor } from "@tensorflow/tfjs-core";
import { uploaded } from "./native-backend.ts";
import { readSafetensors, writeSafetensors } from "./safetensors.ts";
import type { TensorToWrite } from "./safetensors.ts";
import type { TensorValues } from "./stored-dtype.ts";

/** Tensors by their name in the model's files (Hugging Face or PEFT names). */
export type NamedTensors = Record<string, Tensor>;

/**
 * Reads a safetensors file into tensors that the caller disposes; uint8 values become int32.
 * Throws Failure `file-invalid`.
 */
export async function readNamedTensors(path: string): Promise<NamedTensors> {
  const { tensors } = await readSafetensors(path);
  const named: NamedTensors = {};
  for (const [name, { shape, read }] of tensors) named[name] = toTensor(await read(), shape);
  return named;
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

/** A tensor of the engine with these values. */
export function toTensor({ dtype, data }: TensorValues, shape: number[]): Tensor {
  return uploaded(tf.tensor(data, shape, dtype === "float32" ? "float32" : "int32"));
}
