import * as tf from "@tensorflow/tfjs-core";
import type { Tensor } from "@tensorflow/tfjs-core";
import type { OptimizerSettings } from "../contract/trial-spec.ts";
import type { NamedTensors } from "../tensor/named-tensors.ts";

export interface AdamWState {
  /** Steps taken. */
  step: number;
  /** Running means of the gradients and of their squares, by parameter. */
  m: NamedTensors;
  v: NamedTensors;
}

export interface AdamWInputs {
  parameters: NamedTensors;
  gradients: NamedTensors;
  state: AdamWState;
  lr: number;
  settings: OptimizerSettings;
}

/** The state before the first step. The caller disposes it. */
export function initAdamW(parameters: NamedTensors): AdamWState {
  const zeros = () =>
    Object.fromEntries(
      Object.keys(parameters).map((name) => [name, tf.zerosLike(parameters[name]!)]),
    );
  return { step: 0, m: zeros(), v: zeros() };
}

/**
 * One step of AdamW (Loshchilov & Hutter 2019) as PyTorch takes it: decay apart from the gradient
 * and on every tensor, epsilon added to sqrt(v̂). Changes and disposes nothing it is given.
 */
export function adamwStep(inputs: AdamWInputs): { parameters: NamedTensors; state: AdamWState } {
  const { parameters, gradients, state, lr, settings } = inputs;
  const [beta1, beta2] = settings.betas;
  const step = state.step + 1;
  const { stepSize, epsilon, decay } = stepFactors(settings, { step, lr });
  const factors = {
    keptM: tf.scalar(beta1),
    newM: tf.scalar(1 - beta1),
    keptV: tf.scalar(beta2),
    newV: tf.scalar(1 - beta2),
    epsilon: tf.scalar(epsilon),
    keptParameter: tf.scalar(1 - decay),
    stepSize: tf.scalar(stepSize),
  };
  const next: AdamWState & { parameters: NamedTensors } = { step, m: {}, v: {}, parameters: {} };
  for (const [name, parameter] of Object.entries(parameters)) {
    const moments = { m: state.m[name]!, v: state.v[name]! };
    const updated = tf.tidy(() =>
      updateTensor({ parameter, gradient: gradients[name]!, ...moments }, factors),
    );
    next.parameters[name] = updated.parameter;
    next.m[name] = updated.m;
    next.v[name] = updated.v;
  }
  tf.dispose(factors);
  return { parameters: next.parameters, state: { step, m: next.m, v: next.v } };
}

/**
 * What step `step`, from 1, makes of lr m̂ / (sqrt(v̂) + eps): with the bias corrections of both
 * moments drawn out of the tensors, stepSize m / (sqrt(v) + epsilon). `decay` is the share of each
 * parameter that is taken away.
 */
export function stepFactors(
  { betas: [beta1, beta2], eps, weight_decay }: OptimizerSettings,
  { step, lr }: { step: number; lr: number },
): Record<"stepSize" | "epsilon" | "decay", number> {
  const correction = Math.sqrt(1 - beta2 ** step);
  return {
    stepSize: (lr * correction) / (1 - beta1 ** step),
    epsilon: eps * correction,
    decay: lr * weight_decay,
  };
}

type Factors = Record<
  "keptM" | "newM" | "keptV" | "newV" | "epsilon" | "keptParameter" | "stepSize",
  Tensor
>;

function updateTensor(
  { parameter, gradient, ...old }: Record<"parameter" | "gradient" | "m" | "v", Tensor>,
  factors: Factors,
): Record<"parameter" | "m" | "v", Tensor> {
  const m = tf.add(tf.mul(old.m, factors.keptM), tf.mul(gradient, factors.newM));
  const v = tf.add(tf.mul(old.v, factors.keptV), tf.mul(tf.square(gradient), factors.newV));
  const direction = tf.div(m, tf.add(tf.sqrt(v), factors.epsilon));
  const decayed = tf.mul(parameter, factors.keptParameter);
  return { parameter: tf.sub(decayed, tf.mul(direction, factors.stepSize)), m, v };
}
