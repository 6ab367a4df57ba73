import { createHash } from "node:crypto";

/** What a run of drawn values is fixed by: equal keys give equal values on every machine. */
export interface ValueSource {
  /** Names the run, e.g. `<seed>/<tensor name>`. */
  key: string;
  count: number;
}

/** Values uniform in [low, high), but for the rounding to float32. */
export function uniformValues(
  { key, count }: ValueSource,
  [low, high]: readonly [number, number],
): Float32Array {
  const next = fractions(key);
  return new Float32Array(count).map(() => low + (high - low) * next());
}

/** Normal values of mean 0, by the Box-Muller transform. */
export function normalValues({ key, count }: ValueSource, deviation: number): Float32Array {
  const next = fractions(key);
  const values = new Float32Array(count);
  for (let index = 0; index < count; index += 2) {
    const radius = deviation * Math.sqrt(-2 * Math.log(1 - next()));
    const angle = 2 * Math.PI * next();
    values[index] = radius * Math.cos(angle);
    if (index + 1 < count) values[index + 1] = radius * Math.sin(angle);
  }
  return values;
}

/** Fractions in [0, 1) from the generator sfc32 (Doty-Humphrey, PractRand), started by SHA-256. */
function fractions(key: string): () => number {
  const start = createHash("sha256").update(key).digest();
  let a = start.readInt32LE(0);
  let b = start.readInt32LE(4);
  let c = start.readInt32LE(8);
  let counter = start.readInt32LE(12);
  return () => {
    const sum = (((a + b) | 0) + counter) | 0;
    counter = (counter + 1) | 0;
    a = b ^ (b >>> 9);
    b = (c + (c << 3)) | 0;
    c = (((c << 21) | (c >>> 11)) + sum) | 0;
    return (sum >>> 0) / 2 ** 32;
  };
}
