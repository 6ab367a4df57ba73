import * as tf from "@tensorflow/tfjs-core";
import type { Scalar } from "@tensorflow/tfjs-core";
import type { NamedTensors } from "../tensor/named-tensors.ts";
import type { CaptionBatch, Trainable } from "./trainable.ts";

/**
 * A batch's mean loss and its gradient for each parameter, by name. The caller disposes both;
 * nothing else stays behind.
 */
export function lossAndGradients(
  trainable: Trainable,
  batch: CaptionBatch,
  dropoutSeed: number | null,
): { loss: Scalar; gradients: NamedTensors } {
  const names = Object.keys(trainable.parameters);
  const differentiate = tf.valueAndGrads((...values) => {
    const parameters = Object.fromEntries(names.map((name, index) => [name, values[index]!]));
    return trainable.loss(parameters, batch, dropoutSeed);
  });
  const { value, grads } = differentiate(Object.values(trainable.parameters));
  const gradients = Object.fromEntries(names.map((name, index) => [name, grads[index]!]));
  return { loss: value, gradients };
}
