import * as tf from "@tensorflow/tfjs-core";
import { beforeAll, expect, it } from "vitest";
import { dropout, DropoutDraws } from "../../../worker/model/dropout.ts";
import { describeOnEachEngine } from "../../rig/engines.ts";

const ones = () => tf.ones([50, 40]);

describeOnEachEngine("dropout", (load) => {
  beforeAll(load);

  it("keeps the share 1 - rate, scaled to keep the mean", () => {
    const values = [
      ...tf.tidy(() => dropout(new DropoutDraws(1), tf.ones([100_000]), 0.3).dataSync()),
    ];
    const kept = values.filter((value) => value !== 0);
    expect(kept.every((value) => Math.abs(value - 1 / 0.7) < 1e-6)).toBe(true);
    expect(kept.length / values.length).toBeCloseTo(0.7, 2);
  });

  it("draws equal masks from equal seeds, and another at every place of a pass", () => {
    tf.tidy(() => {
      const [one, other] = [new DropoutDraws(5), new DropoutDraws(5)];
      const first = dropout(one, ones(), 0.5).dataSync();
      expect(dropout(other, ones(), 0.5).dataSync()).toEqual(first);
      expect(dropout(one, ones(), 0.5).dataSync()).not.toEqual(first);
      expect(dropout(new DropoutDraws(6), ones(), 0.5).dataSync()).not.toEqual(first);
    });
  });

  it("passes the gradient where the value passed", () => {
    tf.tidy(() => {
      const gradient = tf.grad((x) => dropout(new DropoutDraws(5), x, 0.5))(ones());
      expect(gradient.dataSync()).toEqual(dropout(new DropoutDraws(5), ones(), 0.5).dataSync());
    });
  });

  it("does nothing without draws or at rate 0", () => {
    tf.tidy(() => {
      const x = ones();
      expect(dropout(null, x, 0.5)).toBe(x);
      expect(dropout(new DropoutDraws(1), x, 0)).toBe(x);
    });
  });
});
