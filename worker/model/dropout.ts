import * as tf from "@tensorflow/tfjs-core";
import type { Tensor } from "@tensorflow/tfjs-core";
import { statelessUniform } from "../tensor/stateless-uniform.ts";

/** A 32-bit word that fixes all draws of a pass. As a tensor, int32 [], a graph can be fed it. */
export type DropoutSeed = number | Tensor;

/** The random draws of one forward pass: mask i is fixed by the pass's seed and i. */
export class DropoutDraws {
  readonly #seed: DropoutSeed;
  #drawn = 0;

  constructor(seed: DropoutSeed) {
    this.#seed = seed;
  }

  /** The seed of the next mask, int32 [2]. */
  next(): Tensor {
    this.#drawn += 1;
    const seed = this.#seed;
    const word = typeof seed === "number" ? tf.scalar(seed | 0, "int32") : seed;
    return tf.stack([word, tf.scalar(this.#drawn, "int32")]);
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
