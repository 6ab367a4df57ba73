import * as tf from "@tensorflow/tfjs-core";
import { afterEach, beforeAll, describe, expect, it } from "vitest";
import { readEngineState } from "../../../../worker/engine/engine-state.ts";
import { loadEngine } from "../../../../worker/tensor/backend.ts";
import { typeAttribute } from "../../../../worker/tensor/compile/graph.ts";
import { Program } from "../../../../worker/tensor/compile/program.ts";
import type { Step } from "../../../../worker/tensor/compile/step-graph.ts";
import type { NamedTensors } from "../../../../worker/tensor/named-tensors.ts";
import { DataType } from "../../../../worker/tensor/native-backend.ts";
import { statelessUniform } from "../../../../worker/tensor/stateless-uniform.ts";

const isNative = readEngineState()?.engine === "native";

let program: Program;
afterEach(() => program.dispose());

/** A result's values; it and the feeds are disposed. */
function valuesOf(step: (feeds: NamedTensors) => NamedTensors, feeds: NamedTensors): number[] {
  const results = step(feeds);
  const values = [...Object.values(results)[0]!.dataSync()];
  tf.dispose([results, feeds]);
  return values;
}

function variable(name: string): number[] {
  const all = program.read();
  const values = [...all[name]!.dataSync()];
  tf.dispose(all);
  return values;
}

/** Adds x to w; its result is w before that. */
const adding: Step = {
  compute: ({ w }) => ({ before: tf.mul(w!, 1) }),
  results: ["before"],
  update: ({ graph, variables, feeds }) => [
    graph.add({
      op: "AssignAddVariableOp",
      inputs: [variables["w"]!, feeds["x"]!],
      attributes: { dtype: typeAttribute(DataType.float) },
    }),
  ],
};

// Other engines run no graphs.
describe.runIf(isNative)("a program", () => {
  beforeAll(() => loadEngine());

  it("computes what the step says, for other values too", () => {
    program = new Program({ w: tf.tensor2d([1, 2, 3, 4], [2, 2]) });
    const step = program.compile({
      compute: ({ w }, { x }) => ({ y: tf.add(tf.matMul(x!, w!), 1) }),
      results: ["y"],
    });
    expect(valuesOf(step, { x: tf.tensor2d([1, 0], [1, 2]) })).toEqual([2, 3]);
    expect(valuesOf(step, { x: tf.tensor2d([0, 1], [1, 2]) })).toEqual([4, 5]);
  });

  it("differentiates", () => {
    program = new Program({ w: tf.tensor1d([1, 2]) });
    const step = program.compile({
      compute: ({ w }, { x }) => {
        const loss = (value: tf.Tensor) => tf.sum<tf.Scalar>(tf.mul(tf.square(value), x!));
        return { gradient: tf.grad(loss)(w!) };
      },
      results: ["gradient"],
    });
    expect(valuesOf(step, { x: tf.tensor1d([1, 1]) })).toEqual([2, 4]);
    expect(valuesOf(step, { x: tf.tensor1d([3, 5]) })).toEqual([6, 20]);
  });

  it("changes its variables by what a step adds to the graph, once a run", () => {
    program = new Program({ w: tf.tensor1d([1, 2]) });
    const step = program.compile(adding);
    expect(valuesOf(step, { x: tf.tensor1d([10, 20]) })).toEqual([1, 2]);
    expect(valuesOf(step, { x: tf.tensor1d([1, 1]) })).toEqual([11, 22]);
    expect(variable("w")).toEqual([12, 23]);
  });

  it("lets values that were read stay as they were", () => {
    program = new Program({ w: tf.tensor1d([1, 2]) });
    const step = program.compile(adding);
    valuesOf(step, { x: tf.tensor1d([1, 1]) });
    const read = program.read();
    valuesOf(step, { x: tf.tensor1d([1, 1]) });
    expect([...read["w"]!.dataSync()]).toEqual([2, 3]);
    tf.dispose(read);
  });

  it("has several steps work on the same variables, also one that comes later", () => {
    program = new Program({ w: tf.tensor1d([1, 2]), frozen: tf.scalar(5) });
    const change = program.compile(adding);
    const use = program.compile({
      compute: ({ w, frozen }) => ({ y: tf.mul(w!, frozen!) }),
      results: ["y"],
    });
    valuesOf(change, { x: tf.tensor1d([1, 1]) });
    expect(valuesOf(use, {})).toEqual([10, 15]);
    valuesOf(change, { x: tf.tensor1d([1, 1]) });
    expect(valuesOf(use, {})).toEqual([15, 20]);
  });

  it("records a step again for feeds of another shape or type", () => {
    program = new Program({ w: tf.scalar(2) });
    let recordings = 0;
    const step = program.compile({
      compute: ({ w }, { x }) => {
        recordings += 1;
        return { y: tf.mul(tf.reshape(tf.cast(x!, "float32"), [x!.size]), w!) };
      },
      results: ["y"],
    });
    expect(valuesOf(step, { x: tf.tensor2d([[1, 2]]) })).toEqual([2, 4]);
    expect(valuesOf(step, { x: tf.tensor2d([[1, 2, 3]]) })).toEqual([2, 4, 6]);
    expect(valuesOf(step, { x: tf.tensor2d([[3, 4]], undefined, "int32") })).toEqual([6, 8]);
    expect(valuesOf(step, { x: tf.tensor2d([[5, 6]]) })).toEqual([10, 12]);
    expect(recordings).toBe(3);
  });

  it("tells feeds apart that were one tensor when the step was recorded", () => {
    program = new Program({});
    const step = program.compile({
      compute: (_, { a, b }) => ({ difference: tf.sub(a!, b!) }),
      results: ["difference"],
    });
    const one = tf.scalar(1);
    expect(valuesOf(step, { a: one, b: one })).toEqual([0]);
    expect(valuesOf(step, { a: tf.scalar(5), b: tf.scalar(3) })).toEqual([2]);
  });

  it("keeps the values of other tensors that a step uses, which stay their owner's", () => {
    program = new Program({ w: tf.scalar(1) });
    const table = tf.tensor2d([1, 2, 3, 4], [2, 2]);
    const ids = tf.tensor1d([1, 0], "int32");
    const step = program.compile({
      compute: (_, { x }) => ({ y: tf.add(tf.gather(table, ids), x!) }),
      results: ["y"],
    });
    expect(valuesOf(step, { x: tf.scalar(0) })).toEqual([3, 4, 1, 2]);
    // Moves everything to another session.
    valuesOf(program.compile(adding), { x: tf.scalar(1) });
    expect(valuesOf(step, { x: tf.scalar(1) })).toEqual([4, 5, 2, 3]);
    expect([...table.dataSync()]).toEqual([1, 2, 3, 4]);
    tf.dispose([table, ids]);
  });

  it("draws the numbers that are drawn without it, from the seeds it is fed", () => {
    program = new Program({});
    const step = program.compile({
      compute: (_, { seed }) => ({ drawn: statelessUniform([4, 5], seed!) }),
      results: ["drawn"],
    });
    for (const words of [
      [1, 2],
      [7, 8],
    ]) {
      const seed = tf.tensor1d(words, "int32");
      const eager = statelessUniform([4, 5], seed);
      expect(valuesOf(step, { seed: seed.clone() })).toEqual([...eager.dataSync()]);
      tf.dispose([seed, eager]);
    }
  });

  it.each([
    ["dataSync", (x: tf.Tensor) => void x.dataSync()],
    ["data", (x: tf.Tensor) => void x.data().catch(() => {})],
  ])("refuses a step that reads a value back by %s, and says where", (_, readBack) => {
    program = new Program({ w: tf.scalar(3) });
    const step = program.compile({
      compute: ({ w }, { x }) => {
        const sum = tf.add(w!, x!);
        readBack(sum);
        return { sum };
      },
      results: ["sum"],
    });
    const x = tf.scalar(1);
    expect(() => step({ x })).toThrow(/reads a value back .*program\.test\.ts:\d+/u);
    expect(variable("w")).toEqual([3]);
    expect(tf.add(x, 1).dataSync()[0]).toBe(2);
  });

  it("holds no tensors but those read, and none once disposed", () => {
    const before = tf.memory().numTensors;
    program = new Program({ w: tf.zeros([3]) });
    const step = program.compile(adding);
    valuesOf(step, { x: tf.ones([3]) });
    expect(tf.memory().numTensors).toBe(before);
    variable("w");
    expect(tf.memory().numTensors).toBe(before);
    const other = program.compile({ compute: () => ({ one: tf.scalar(1) }), results: ["one"] });
    expect(valuesOf(other, {})).toEqual([1]);
    program.dispose();
    expect(tf.memory().numTensors).toBe(before);
  });
});
