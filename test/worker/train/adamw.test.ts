import * as tf from "@tensorflow/tfjs-core";
import { beforeAll, expect, it } from "vitest";
import type { OptimizerSettings } from "../../../worker/contract/trial-spec.ts";
import { adamwStep, initAdamW } from "../../../worker/train/adamw.ts";
import { describeOnEachEngine } from "../../rig/engines.ts";

const settings: OptimizerSettings = {
  name: "adamw",
  betas: [0.8, 0.95],
  eps: 1e-3,
  weight_decay: 0.1,
};
const lr = 0.05;
const start = [1, -2, 0.5, 0];
const gradients = [
  [0.1, -3, 0, 1e-4],
  [-0.2, 1, 0, 2e-4],
  [0.4, 0.5, 0, -1e-4],
];

/** The steps as torch.optim.AdamW documents them, in double precision. */
function documentedSteps(): number[] {
  const [beta1, beta2] = settings.betas;
  return start.map((value, index) => {
    let [parameter, m, v] = [value, 0, 0];
    for (const [step, gradient] of gradients.entries()) {
      const g = gradient[index]!;
      parameter -= lr * settings.weight_decay * parameter;
      m = beta1 * m + (1 - beta1) * g;
      v = beta2 * v + (1 - beta2) * g * g;
      const mHat = m / (1 - beta1 ** (step + 1));
      const vHat = v / (1 - beta2 ** (step + 1));
      parameter -= (lr * mHat) / (Math.sqrt(vHat) + settings.eps);
    }
    return parameter;
  });
}

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
    for (const [index, expected] of documentedSteps().entries()) {
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
