import * as tf from "@tensorflow/tfjs-core";
import { beforeAll, describe, expect, it } from "vitest";
import { readEngineState } from "../../../../worker/engine/engine-state.ts";
import { loadEngine } from "../../../../worker/tensor/backend.ts";
import { withCustomGradient } from "../../../../worker/tensor/custom-gradient.ts";
import { GraphBuilder } from "../../../../worker/tensor/compile/graph.ts";
import { savedModelBytes } from "../../../../worker/tensor/compile/saved-model.ts";
import {
  type Step,
  stepGraph,
  type StepGraph,
} from "../../../../worker/tensor/compile/step-graph.ts";
import {
  addRead,
  addVariable,
  type VariableNodes,
} from "../../../../worker/tensor/compile/variables.ts";
import type { NamedTensors } from "../../../../worker/tensor/named-tensors.ts";
import { DataType, nativeBackend } from "../../../../worker/tensor/native-backend.ts";

const isNative = readEngineState()?.engine === "native";
const SIDE = 300;

/** The graph of a step with a variable `w` [300, 300], and how often the engine was called for it. */
function graphOf(step: Step, feeds: NamedTensors): { graph: StepGraph; executed: string[] } {
  const backend = nativeBackend()!;
  const { binding } = backend;
  const declarations = new GraphBuilder("variables");
  const layout = { dtype: DataType.float, shape: [SIDE, SIDE] };
  const declared = (name: string): VariableNodes => addVariable(declarations, name, layout);
  const executed: string[] = [];
  const executeOp: typeof binding.executeOp = (name, ...rest) => {
    executed.push(name);
    return binding.executeOp(name, ...rest);
  };
  backend.binding = Object.create(binding, { executeOp: { value: executeOp } });
  try {
    const graph = stepGraph({
      backend,
      step,
      prefix: "step",
      feeds,
      variables: new Map([["w", declared("w")]]),
      captured: (builder, id) => addRead(builder, declared(`captured ${id}`)),
    });
    return { graph, executed };
  } finally {
    backend.binding = binding;
  }
}

const opsOf = ({ nodes }: StepGraph): string[] => nodes.map(({ op }) => op);

// Other engines run no graphs.
describe.runIf(isNative)("a recorded step", () => {
  beforeAll(() => loadEngine());

  it("holds no values of variables, feeds and other tensors", () => {
    const feed = tf.ones([SIDE, SIDE]);
    const frozen = tf.ones([SIDE, SIDE]);
    const compute: Step["compute"] = ({ w }, { x }) => ({ y: tf.matMul(tf.mul(w!, x!), frozen) });
    const { graph } = graphOf({ compute, results: ["y"] }, { x: feed });
    expect(savedModelBytes(graph.nodes).length).toBeLessThan(2000);
    tf.dispose([feed, frozen]);
  });

  it("computes each kind of operation once, for its shapes", () => {
    const compute: Step["compute"] = ({ w }, { x }) => {
      let y = tf.matMul(w!, x!);
      for (let layer = 0; layer < 20; layer += 1) y = tf.relu(tf.matMul(w!, y));
      return { y };
    };
    const x = tf.ones([SIDE, 2]);
    const { graph, executed } = graphOf({ compute, results: ["y"] }, { x });
    expect(opsOf(graph).filter((op) => op === "Relu")).toHaveLength(20);
    expect(executed.toSorted()).toEqual(["BatchMatMulV2", "Relu"]);
    x.dispose();
  });

  it("has no work for a gradient that nobody asks for", () => {
    const frozen = tf.ones([SIDE, SIDE]);
    const scaled = (x: tf.Tensor) =>
      withCustomGradient(x, {
        forward: () => ({ value: tf.mul(x, 2), saved: [] }),
        backward: (dy) => tf.floor(dy),
      });
    const compute: Step["compute"] = ({ w }) => {
      const loss = (value: tf.Tensor) => tf.sum<tf.Scalar>(tf.mul(value, scaled(frozen)));
      return { gradient: tf.grad(loss)(w!) };
    };
    const { graph } = graphOf({ compute, results: ["gradient"] }, {});
    expect(opsOf(graph)).not.toContain("Floor");
    frozen.dispose();
  });

  it("is refused where it makes an operation of wrong shapes", () => {
    const compute: Step["compute"] = ({ w }) => ({ y: tf.matMul(w!, tf.ones([2, 2])) });
    expect(() => graphOf({ compute, results: ["y"] }, {})).toThrow("size-incompatible");
    expect(tf.add(1, 2).dataSync()[0]).toBe(3);
  });
});
