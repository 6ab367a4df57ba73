import { z } from "zod";
import { halvesToFloats } from "./half-float.ts";

/** Values in memory, in row-major order. */
export type TensorValues =
  | { dtype: "float32"; data: Float32Array<ArrayBuffer> }
  | { dtype: "int32"; data: Int32Array<ArrayBuffer> }
  | { dtype: "uint8"; data: Uint8Array<ArrayBuffer> };

/** The safetensors dtypes that can be read. */
export const StoredDtype = z.enum(["F32", "F16", "BF16", "I32", "I64", "U8", "BOOL"]);
export type StoredDtype = z.infer<typeof StoredDtype>;

export const BYTES_PER_STORED_VALUE: Readonly<Record<StoredDtype, number>> = {
  F32: 4,
  F16: 2,
  BF16: 2,
  I32: 4,
  I64: 8,
  U8: 1,
  BOOL: 1,
};

export const DECODED_DTYPE: Readonly<Record<StoredDtype, TensorValues["dtype"]>> = {
  F32: "float32",
  F16: "float32",
  BF16: "float32",
  I32: "int32",
  I64: "int32",
  U8: "uint8",
  BOOL: "uint8",
};

const decoders: Record<StoredDtype, (bytes: ArrayBuffer) => TensorValues | null> = {
  F32: (bytes) => ({ dtype: "float32", data: new Float32Array(bytes) }),
  F16: (bytes) => ({ dtype: "float32", data: halvesToFloats(new Uint16Array(bytes)) }),
  BF16: (bytes) => ({ dtype: "float32", data: bfloatsToFloats(new Uint16Array(bytes)) }),
  I32: (bytes) => ({ dtype: "int32", data: new Int32Array(bytes) }),
  I64: (bytes) => narrow(new BigInt64Array(bytes)),
  U8: (bytes) => ({ dtype: "uint8", data: new Uint8Array(bytes) }),
  BOOL: (bytes) => ({ dtype: "uint8", data: new Uint8Array(bytes) }),
};

/**
 * Little-endian bytes as values, without a copy where the width stays.
 * Null when a 64-bit integer does not fit into 32 bits.
 */
export function decodeTensorBytes(dtype: StoredDtype, bytes: ArrayBuffer): TensorValues | null {
  return decoders[dtype](bytes);
}

/** bfloat16 is the upper half of a float32. */
function bfloatsToFloats(upper: Uint16Array): Float32Array<ArrayBuffer> {
  const bits = Uint32Array.from(upper, (half) => half << 16);
  return new Float32Array(bits.buffer);
}

function narrow(wide: BigInt64Array): TensorValues | null {
  if (wide.some((value) => BigInt.asIntN(32, value) !== value)) return null;
  return { dtype: "int32", data: Int32Array.from(wide, Number) };
}
