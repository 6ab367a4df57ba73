import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import path from "node:path";
import * as tf from "@tensorflow/tfjs-core";
import { afterEach, beforeEach, describe, expect, it } from "vitest";
import { loadEngine } from "../../../worker/tensor/backend.ts";
import { loadOptimizerState, saveOptimizerState } from "../../../worker/train/optimizer-state.ts";

let directory: string;

beforeEach(async () => {
  await loadEngine({ engine: "cpu" });
  directory = await mkdtemp(path.join(tmpdir(), "qsweep-optimizer-"));
});

afterEach(async () => {
  await rm(directory, { recursive: true });
});

const values = [0.1, -1e-38, 3e38, -0];
const state = () => ({
  step: 123_456,
  m: { a: tf.tensor2d(values, [2, 2]), b: tf.scalar(1) },
  v: { a: tf.tensor2d(values.map(Math.abs), [2, 2]), b: tf.scalar(2) },
});

const bits = async (tensor: tf.Tensor | undefined) => [
  ...new Uint32Array((await tensor!.data<"float32">()).slice().buffer),
];

describe("the optimiser's state on disk", () => {
  it("comes back bit for bit", async () => {
    const before = state();
    await saveOptimizerState(directory, before);
    const after = await loadOptimizerState(directory, before.m);
    expect(after.step).toBe(123_456);
    for (const moment of ["m", "v"] as const) {
      for (const name of ["a", "b"] as const) {
        expect(await bits(after[moment][name])).toEqual(await bits(before[moment][name]));
      }
    }
  });

  it.each([
    ["a parameter is missing", { a: [2, 2] }],
    ["a parameter is unknown", { a: [2, 2], b: [], c: [1] }],
    ["a shape differs", { a: [4], b: [] }],
  ])("is refused when %s", async (_, shapes: Record<string, number[]>) => {
    await saveOptimizerState(directory, state());
    const parameters = Object.fromEntries(
      Object.entries(shapes).map(([name, shape]) => [name, tf.zeros(shape)]),
    );
    await expect(loadOptimizerState(directory, parameters)).rejects.toMatchObject({
      reason: "file-invalid",
    });
  });
});
