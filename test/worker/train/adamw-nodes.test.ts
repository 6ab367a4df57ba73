import * as tf from "@tensorflow/tfjs-core";
import { beforeAll, describe, expect, it } from "vitest";
import type { OptimizerSettings } from "../../../worker/contract/trial-spec.ts";
import { readEngineState } from "../../../worker/engine/engine-state.ts";
import { loadEngine } from "../../../worker/tensor/backend.ts";
import { Program } from "../../../worker/tensor/compile/program.ts";
import { adamwNodes, graphName } from "../../../worker/train/adamw-nodes.ts";
import { stepFactors } from "../../../worker/train/adamw.ts";
import { documentedSteps, gradients, lr, start } from "./documented-adamw.ts";

const isNative = readEngineState()?.engine === "native";
// Other engines run no graphs.
describe.runIf(isNative)("the nodes of AdamW", () => {
  beforeAll(() => loadEngine());

  it.each([
    ["with an epsilon that matters", { betas: [0.8, 0.95], eps: 1e-3, weight_decay: 0.1 }],
    ["with PyTorch's defaults", { betas: [0.9, 0.999], eps: 1e-8, weight_decay: 0.01 }],
    ["without decay", { betas: [0.9, 0.999], eps: 1e-8, weight_decay: 0 }],
  ] as const)("take the documented steps %s", (_, { betas, ...rest }) => {
    const settings: OptimizerSettings = { name: "adamw", betas: [...betas], ...rest };
    const zeros = () => tf.zeros([start.length]);
    const program = new Program({
      [graphName.parameter("w")]: tf.tensor1d(start),
      [graphName.m("w")]: zeros(),
      [graphName.v("w")]: zeros(),
    });
    const step = program.compile({
      compute: (_variables, { g }) => ({ [graphName.gradient("w")]: g!, seen: tf.sum(g!) }),
      results: ["seen"],
      update: (scope) => adamwNodes(scope, ["w"], settings),
    });
    for (const [index, gradient] of gradients.entries()) {
      const { stepSize, epsilon, decay } = stepFactors(settings, { step: index + 1, lr });
      const feeds = {
        g: tf.tensor1d(gradient),
        stepSize: tf.scalar(stepSize),
        epsilon: tf.scalar(epsilon),
        decay: tf.scalar(decay),
      };
      tf.dispose([step(feeds), feeds]);
    }
    const end = program.read();
    const actual = end[graphName.parameter("w")]!.dataSync();
    for (const [index, expected] of documentedSteps(settings).entries()) {
      expect(Math.abs(actual[index]! - expected)).toBeLessThan(1e-6);
    }
    tf.dispose(end);
    program.dispose();
  });
});
