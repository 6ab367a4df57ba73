import { Failure } from "../contract/failure.ts";
import type { OptimizerSettings } from "../contract/trial-spec.ts";
import type { CaptionBatch, Trainable } from "../model/trainable.ts";
import { runsGraphs } from "../tensor/open-runner.ts";
import type { AdamWState } from "./adamw.ts";
import { CompiledLearner } from "./compiled-learner.ts";
import { EagerLearner } from "./eager-learner.ts";

export interface LearnerOptions {
  trainable: Trainable;
  /** The optimiser's state to begin with; taken over. */
  state: AdamWState;
  settings: OptimizerSettings;
  /** Pieces that a batch is computed in, one after another; 1 if left out. */
  accumulate?: number;
}

export interface StepInputs {
  /** Stays the caller's. */
  batch: CaptionBatch;
  lr: number;
  /** Null switches dropout off. */
  dropoutSeed: number | null;
}

/** Takes optimiser steps on a trainable. */
export interface Learner {
  /** Takes one step of AdamW; returns the batch's mean loss before it. */
  step(inputs: StepInputs): Promise<number>;
  /**
   * Calls `use` with the optimiser's state. Only within it the trainable has its parameters. May be
   * called within itself.
   */
  withState<T>(use: (state: AdamWState) => Promise<T>): Promise<T>;
  /** Frees the optimiser's state. */
  dispose(): void;
}

/** Throws Failure `nan-loss` if a step's loss is no finite number: its state is then worthless. */
export function assertFinite(loss: number, { step, lr }: { step: number; lr: number }): void {
  if (Number.isFinite(loss)) return;
  throw new Failure({
    reason: "nan-loss",
    message: `the loss became ${loss} at step ${step} with learning rate ${lr}`,
    remedy: "lower the learning rate of this arm",
  });
}

/** A learner that runs steps as graphs where that is done. */
export function openLearner(options: LearnerOptions): Learner {
  return runsGraphs() ? new CompiledLearner(options) : new EagerLearner(options);
}
