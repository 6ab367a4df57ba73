import * as tf from "@tensorflow/tfjs-core";
import { beforeAll, expect, it } from "vitest";
import type { OptimizerSettings } from "../../../worker/contract/trial-spec.ts";
import { adamwStep, initAdamW } from "../../../worker/train/adamw.ts";
import { describeOnEachEngine } from "../../rig/engines.ts";
import { documentedSteps, gradients, lr, start } from "./documented-adamw.ts";

const settings: OptimizerSettings = {
  name: "adamw",
  betas: [0.8, 0.95],
  eps: 1e-3,
  weight_decay: 0.1,
};
describeOnEachEngine("AdamW", (load) => {
  beforeAll(load);

  it("takes the documented steps", () => {
    let parameters: Record<string, tf.Tensor> = { w: tf.tensor1d(start) };
    let state = initAdamW(parameters);
    for (const gradient of gradients) {
      const inputs = { parameters, gradients: { w: tf.tensor1d(gradient) }, state, lr, settings };
      ({ parameters, state } = adamwStep(inputs));
    }
    const actual = parameters["w"]!.dataSync();
    expect(state.step).toBe(gradients.length);
    for (const [index, expected] of documentedSteps(settings).entries()) {
      expect(Math.abs(actual[index]! - expected)).toBeLessThan(1e-6);
    }
  });

  it("changes nothing that it is given and makes only what it returns", () => {
    const parameters = { w: tf.tensor1d(start), b: tf.scalar(1) };
    const given = { w: tf.tensor1d(gradients[0]!), b: tf.scalar(2) };
    const state = initAdamW(parameters);
    const before = tf.memory().numTensors;
    const next = adamwStep({ parameters, gradients: given, state, lr, settings });
    expect(tf.memory().numTensors).toBe(before + 6);
    expect([...parameters.w.dataSync()]).toEqual(start);
    expect([...state.m["w"]!.dataSync()]).toEqual([0, 0, 0, 0]);
    tf.dispose([next.parameters, next.state.m, next.state.v]);
  });

  it("decays what has no gradient", () => {
    const parameters = { w: tf.scalar(3) };
    const state = initAdamW(parameters);
    const next = adamwStep({ parameters, gradients: { w: tf.scalar(0) }, state, lr, settings });
    expect(next.parameters["w"]!.dataSync()[0]).toBeCloseTo(3 * (1 - 0.05 * 0.1), 6);
  });
});
