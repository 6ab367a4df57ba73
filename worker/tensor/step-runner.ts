import * as tf from "@tensorflow/tfjs-core";
import type { NamedTensors } from "./named-tensors.ts";

/** A function of a model's parameters and of tensors fed to it; returns new tensors. */
export type StepFunction = (parameters: NamedTensors, feeds: NamedTensors) => NamedTensors;

/** Calls a function with the model's parameters. The caller disposes feeds and results. */
export type RunnableStep = (feeds: NamedTensors) => NamedTensors;

/** Runs functions of one model's parameters, in whatever way they are computed. */
export interface StepRunner {
  /** A function to be called often, of which `results` are wanted; all of them if left out. */
  prepare(compute: StepFunction, results?: readonly string[]): RunnableStep;
  /**
   * How many rows to give to a function for so many that are needed: where each size costs a
   * compilation, there are few.
   */
  rowsFor(needed: number): number;
  /** Frees what was compiled; the parameters stay the model's. */
  dispose(): void;
}

/** Runs each operation by itself, on any engine. */
export function eagerRunner(parameters: () => NamedTensors): StepRunner {
  return {
    prepare: (compute, results) => (feeds) =>
      tf.tidy(() => {
        const computed = compute(parameters(), feeds);
        if (results === undefined) return computed;
        return Object.fromEntries(results.map((name) => [name, computed[name]!]));
      }),
    rowsFor: (needed) => needed,
    dispose: () => {},
  };
}
