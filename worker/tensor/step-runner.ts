import * as tf from "@tensorflow/tfjs-core";
import type { NamedTensors } from "./named-tensors.ts";

/** A function of a model's parameters and of tensors fed to it; returns new tensors. */
export type StepFunction = (parameters: NamedTensors, feeds: NamedTensors) => NamedTensors;

/** Calls a function with the model's parameters. The caller disposes feeds and results. */
export type RunnableStep = (feeds: NamedTensors) => NamedTensors;

/** Runs functions of one model's parameters, in whatever way they are computed. */
export interface StepRunner {
  /** A function to be called often. */
  prepare(compute: StepFunction): RunnableStep;
  /**
   * How many rows to give to a function for so many that are needed: where each size costs a
   * compilation, there are few.
   */
  rowsFor(needed: number): number;
  /** In how many equal parts a function of so many rows best computes them. */
  partsFor(rows: number): number;
  /** Frees what was compiled; the parameters stay the model's. */
  dispose(): void;
}

/** Runs each operation by itself, on any engine. */
export function eagerRunner(parameters: () => NamedTensors): StepRunner {
  return {
    prepare: (compute) => (feeds) => tf.tidy(() => compute(parameters(), feeds)),
    rowsFor: (needed) => needed,
    partsFor: () => 1,
    dispose: () => {},
  };
}
