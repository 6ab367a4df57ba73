import * as tf from "@tensorflow/tfjs-core";
import type { Scalar } from "@tensorflow/tfjs-core";
import type { NamedTensors } from "../tensor/named-tensors.ts";

/**
 * A loss under `parameters` and its gradient for each of them, by name. The caller disposes both;
 * nothing else stays behind.
 */
export function lossAndGradients(
  parameters: NamedTensors,
  lossUnder: (parameters: NamedTensors) => Scalar,
): { loss: Scalar; gradients: NamedTensors } {
  const names = Object.keys(parameters);
  const differentiate = tf.valueAndGrads((...values) =>
    lossUnder(Object.fromEntries(names.map((name, index) => [name, values[index]!]))),
  );
  const { value, grads } = differentiate(Object.values(parameters));
  const gradients = Object.fromEntries(names.map((name, index) => [name, grads[index]!]));
  return { loss: value, gradients };
}
