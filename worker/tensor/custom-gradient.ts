import * as tf from "@tensorflow/tfjs-core";
import type { Tensor } from "@tensorflow/tfjs-core";

export interface CustomGradient<T extends Tensor> {
  /** The value, and the tensors that the gradient needs. All others made here are freed at once. */
  forward: () => { value: T; saved: Tensor[] };
  /**
   * The gradient for `x` from that for the value; must be a new tensor. By then `forward`'s
   * tensors, and what the scope around it made, may be gone: only those saved are there.
   */
  backward: (dy: T, saved: Tensor[]) => Tensor;
}

/**
 * A function of `x` whose gradient is given instead of derived: fewer operations, less memory.
 */
export function withCustomGradient<T extends Tensor>(
  x: Tensor,
  { forward, backward }: CustomGradient<T>,
): T {
  return tf.customGrad<T>((_x, save) => {
    const { value, saved } = forward();
    if (typeof save === "function") save(saved);
    return { value, gradFunc: (dy, kept) => tf.tidy(() => backward(dy, kept)) };
  })(x);
}

/**
 * A tensor computed from `x` and constants, with nothing recorded for a gradient. `x` must not
 * depend on what is differentiated.
 */
export function withoutGradient(x: Tensor, compute: () => Tensor): Tensor {
  return tf.customGrad(() => ({
    value: compute(),
    gradFunc: () => {
      throw new Error("a gradient was asked of a frozen part");
    },
  }))(x);
}
