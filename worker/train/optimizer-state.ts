import path from "node:path";
import * as tf from "@tensorflow/tfjs-core";
import { Failure } from "../contract/failure.ts";
import { type NamedTensors, readNamedTensors, writeNamedTensors } from "../tensor/named-tensors.ts";
import type { AdamWState } from "./adamw.ts";

const FILE = "trainer.safetensors";
const STEP = "step";

/**
 * Writes `trainer.safetensors`: `m/<name>` and `v/<name>` of each parameter, and `step`, int32 [].
 */
export async function saveOptimizerState(directory: string, state: AdamWState): Promise<void> {
  const step = tf.scalar(state.step, "int32");
  const tensors = { ...prefixed("m", state.m), ...prefixed("v", state.v), [STEP]: step };
  await writeNamedTensors(path.join(directory, FILE), tensors);
  step.dispose();
}

/**
 * Reads what `saveOptimizerState` wrote, bit for bit; the caller disposes it. Throws Failure
 * `file-invalid` unless it holds both moments of exactly these parameters, in their shapes.
 */
export async function loadOptimizerState(
  directory: string,
  parameters: NamedTensors,
): Promise<AdamWState> {
  const file = path.join(directory, FILE);
  const { [STEP]: step, ...moments } = await readNamedTensors(file);
  const expected = { ...prefixed("m", parameters), ...prefixed("v", parameters) };
  const matches =
    step?.dtype === "int32" &&
    Object.keys(moments).length === Object.keys(expected).length &&
    Object.entries(expected).every(
      ([name, { shape }]) => moments[name]?.shape.join() === shape.join(),
    );
  if (!matches) {
    throw new Failure({
      reason: "file-invalid",
      message: `${file} does not belong to the model that is trained`,
      remedy: "delete this checkpoint; the trial continues from an older one",
    });
  }
  const [stepsTaken] = await step.data();
  step.dispose();
  const names = Object.keys(parameters);
  const moment = (prefix: string): NamedTensors =>
    Object.fromEntries(names.map((name) => [name, moments[`${prefix}/${name}`]!]));
  return { step: stepsTaken!, m: moment("m"), v: moment("v") };
}

function prefixed(prefix: string, tensors: NamedTensors): NamedTensors {
  return Object.fromEntries(
    Object.entries(tensors).map(([name, tensor]) => [`${prefix}/${name}`, tensor]),
  );
}
