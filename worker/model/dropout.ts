import * as tf from "@tensorflow/tfjs-core";
import type { Tensor } from "@tensorflow/tfjs-core";
import { statelessUniform } from "../tensor/stateless-uniform.ts";

/** The random draws of one forward pass: mask i is fixed by the pass's seed and i. */
export class DropoutDraws {
  readonly #seed: number;
  #drawn = 0;

  /** The seed counts as a 32-bit word. */
  constructor(seed: number) {
    this.#seed = seed;
  }

  /** The seed of the next mask. */
  next(): [number, number] {
    this.#drawn += 1;
    return [this.#seed, this.#drawn];
  }
}

/**
 * Sets a share `rate` of the values to 0 and divides the others by 1 - rate; null draws nothing.
 */
export function dropout(draws: DropoutDraws | null, x: Tensor, rate: number): Tensor {
  if (draws === null || rate === 0) return x;
  const kept = tf.greaterEqual(statelessUniform(x.shape, draws.next()), rate);
  return tf.mul(x, tf.mul(tf.cast(kept, "float32"), 1 / (1 - rate)));
}
