import * as tf from "@tensorflow/tfjs-core";
import type { Scalar } from "@tensorflow/tfjs-core";
import type { NamedTensors } from "../tensor/named-tensors.ts";
import type { DropoutSeed } from "./dropout.ts";
import type { CaptionBatch, Trainable } from "./trainable.ts";

/**
 * A batch's mean loss under `parameters` and its gradient for each of them, by name. The caller
 * disposes both; nothing else stays behind.
 */
export function lossAndGradients(
  trainable: Pick<Trainable, "loss" | "parameters">,
  batch: CaptionBatch,
  dropoutSeed: DropoutSeed | null,
  parameters: NamedTensors = trainable.parameters,
): { loss: Scalar; gradients: NamedTensors } {
  const names = Object.keys(parameters);
  const differentiate = tf.valueAndGrads((...values) => {
    const named = Object.fromEntries(names.map((name, index) => [name, values[index]!]));
    return trainable.loss(named, batch, dropoutSeed);
  });
  const { value, grads } = differentiate(Object.values(parameters));
  const gradients = Object.fromEntries(names.map((name, index) => [name, grads[index]!]));
  return { loss: value, gradients };
}
