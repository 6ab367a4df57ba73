import * as tf from "@tensorflow/tfjs-core";
import { beforeAll, describe, expect, it } from "vitest";
import { readEngineState } from "../../../../worker/engine/engine-state.ts";
import { loadEngine } from "../../../../worker/tensor/backend.ts";
import { Program } from "../../../../worker/tensor/compile/program.ts";

const isNative = readEngineState()?.engine === "native";

describe.runIf(isNative)("a program", () => {
  beforeAll(() => loadEngine());

  it("computes what the step computes, for feeds of any values", () => {
    const program = new Program({ w: tf.tensor2d([1, 2, 3, 4], [2, 2]) });
    const step = program.compile({
      compute: ({ w }, { x }) => ({ y: tf.add(tf.matMul(x!, w!), 1) }),
      results: ["y"],
    });
    const run = (values: number[]) => [...step({ x: tf.tensor2d(values, [1, 2]) })["y"]!.dataSync()];
    expect(run([1, 0])).toEqual([2, 3]);
    expect(run([0, 1])).toEqual([4, 5]);
    program.dispose();
  });
});
