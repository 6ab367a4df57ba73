import * as tf from "@tensorflow/tfjs-core";
import { beforeAll, describe, expect, it } from "vitest";
import { readEngineState } from "../../../../worker/engine/engine-state.ts";
import { loadEngine } from "../../../../worker/tensor/backend.ts";
import { CompiledFunctions } from "../../../../worker/tensor/compile/compiled-functions.ts";
import type { NamedTensors } from "../../../../worker/tensor/named-tensors.ts";
import { nativeBackend } from "../../../../worker/tensor/native-backend.ts";
import { eagerRunner, type StepFunction } from "../../../../worker/tensor/step-runner.ts";

const isNative = readEngineState()?.engine === "native";

// Other engines run no graphs.
describe.runIf(isNative)("compiled functions", () => {
  beforeAll(() => loadEngine());

  it("use parameters as they are at each run, and others as they are, for any shapes", async () => {
    const before = tf.memory().numTensors;
    const frozen = tf.tensor2d([1, 2, 3, 4], [2, 2]);
    const model: { parameters: NamedTensors } = { parameters: { w: tf.tensor1d([1, 10]) } };
    const compute: StepFunction = ({ w }, { x }) => {
      return { y: tf.add(tf.matMul(x!, frozen), w!) };
    };
    const compiled = new CompiledFunctions(nativeBackend()!, () => model.parameters);
    const step = compiled.prepare(compute);
    const same = eagerRunner(() => model.parameters).prepare(compute);
    for (const rows of [1, 3, 1]) {
      const x = tf.ones([rows, 2]);
      const [one, other] = [step({ x }), same({ x })];
      expect(Object.keys(one)).toEqual(["y"]);
      expect(await one["y"]!.array()).toEqual(await other["y"]!.array());
      tf.dispose([x, one, other, model.parameters]);
      model.parameters = { w: tf.tensor1d([rows * 100, -1]) };
    }
    compiled.dispose();
    tf.dispose([frozen, model.parameters]);
    expect(tf.memory().numTensors).toBe(before);
  });

  it("are few for all batches: the next power of two", () => {
    const compiled = new CompiledFunctions(nativeBackend()!, () => ({}));
    expect([1, 2, 3, 4, 5, 16, 17].map((rows) => compiled.rowsFor(rows))).toEqual([
      1, 2, 4, 4, 8, 16, 32,
    ]);
  });

  it("compute even numbers of rows in two parts", () => {
    const compiled = new CompiledFunctions(nativeBackend()!, () => ({}));
    expect([1, 2, 3, 16].map((rows) => compiled.partsFor(rows))).toEqual([1, 2, 1, 2]);
  });
});
