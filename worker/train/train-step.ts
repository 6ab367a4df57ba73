import * as tf from "@tensorflow/tfjs-core";
import { Failure } from "../contract/failure.ts";
import type { OptimizerSettings } from "../contract/trial-spec.ts";
import { lossAndGradients } from "../model/loss-and-gradients.ts";
import type { CaptionBatch, Trainable } from "../model/trainable.ts";
import { type AdamWState, adamwStep } from "./adamw.ts";

export interface TrainStepOptions {
  trainable: Trainable;
  batch: CaptionBatch;
  /** The optimiser's moments; disposed, the result holds the new ones. */
  state: AdamWState;
  settings: OptimizerSettings;
  lr: number;
  dropoutSeed: number;
  /** The number this step will have, for messages. */
  step: number;
}

/**
 * One optimiser step: replaces the trainable's parameters, returns the batch's loss before the
 * step and the new optimiser state. Throws Failure `nan-loss`, with the parameters unchanged.
 */
export async function trainStep(
  options: TrainStepOptions,
): Promise<{ loss: number; state: AdamWState }> {
  const { trainable, batch, state, settings, lr, step } = options;
  const { loss: lossTensor, gradients } = lossAndGradients(trainable, batch, options.dropoutSeed);
  const loss = (await lossTensor.data())[0]!;
  lossTensor.dispose();
  if (!Number.isFinite(loss)) {
    tf.dispose(gradients);
    throw new Failure({
      reason: "nan-loss",
      message: `the loss became ${loss} at step ${step} with learning rate ${lr}`,
      remedy: "lower the learning rate of this arm",
    });
  }
  const next = adamwStep({ parameters: trainable.parameters, gradients, state, lr, settings });
  tf.dispose([gradients, state.m, state.v]);
  trainable.replaceParameters(next.parameters);
  return { loss, state: next.state };
}
