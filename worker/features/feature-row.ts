import type { FeaturePrecision } from "../contract/feature-files.ts";
import { floatsToHalves, halvesToFloats } from "../tensor/half-float.ts";

/** Features as they are stored, little-endian as all machines that TensorFlow runs on. */
export function rowBytes(values: Float32Array, precision: FeaturePrecision): Uint8Array {
  const stored = precision === "half" ? floatsToHalves(values) : values;
  return new Uint8Array(stored.buffer, stored.byteOffset, stored.byteLength);
}

/** What features become by being stored and read again. */
export function storedValues(values: Float32Array, precision: FeaturePrecision): Float32Array {
  return rowValues(Uint8Array.from(rowBytes(values, precision)), precision);
}

/** Stored bytes, aligned to four, as features. Floats share their memory. */
export function rowValues(
  bytes: Uint8Array<ArrayBuffer>,
  precision: FeaturePrecision,
): Float32Array<ArrayBuffer> {
  const { buffer, byteOffset, byteLength } = bytes;
  if (precision === "float") return new Float32Array(buffer, byteOffset, byteLength / 4);
  return halvesToFloats(new Uint16Array(buffer, byteOffset, byteLength / 2));
}
