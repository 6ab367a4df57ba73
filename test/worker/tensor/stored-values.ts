import type { StoredTensor } from "../../../worker/tensor/safetensors.ts";
import type { TensorValues } from "../../../worker/tensor/stored-dtype.ts";

/** All tensors of a file with their values. */
export async function storedValues(
  tensors: ReadonlyMap<string, StoredTensor>,
): Promise<Map<string, TensorValues & { shape: number[] }>> {
  const values = new Map<string, TensorValues & { shape: number[] }>();
  for (const [name, { shape, dtype, read }] of tensors) {
    const found = await read();
    if (found.dtype !== dtype) throw new Error(`${name} is said to be ${dtype}`);
    values.set(name, { ...found, shape });
  }
  return values;
}
