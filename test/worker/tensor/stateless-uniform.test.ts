import * as tf from "@tensorflow/tfjs-core";
import { beforeAll, expect, it } from "vitest";
import { statelessUniform } from "../../../worker/tensor/stateless-uniform.ts";
import { describeOnEachEngine } from "../../rig/engines.ts";

function draw(seed: [number, number], shape = [40, 50]): Float32Array | Int32Array | Uint8Array {
  const words = tf.tensor1d(
    seed.map((word) => word | 0),
    "int32",
  );
  return tf.tidy(() => statelessUniform(shape, words).dataSync());
}

describeOnEachEngine("stateless uniform draws", (load) => {
  beforeAll(load);

  it("repeats itself for an equal seed", () => {
    expect(draw([3, 7])).toEqual(draw([3, 7]));
  });

  it.each<[number, number]>([
    [4, 7],
    [3, 8],
    [2 ** 31 + 3, 7],
  ])("draws others for seed %d, %d", (first, second) => {
    const [one, other] = [draw([3, 7]), draw([first, second])];
    const equal = one.filter((value, index) => value === other[index]).length;
    expect(equal).toBeLessThan(5);
  });

  it("fills [0, 1) evenly", () => {
    const values = [...draw([1, 2], [100_000])];
    const mean = values.reduce((sum, value) => sum + value, 0) / values.length;
    expect(values.every((value) => value >= 0 && value <= 1)).toBe(true);
    expect(values.filter((value) => value < 0.1).length / values.length).toBeCloseTo(0.1, 2);
    expect(mean).toBeCloseTo(0.5, 2);
  });

  it("leaves nothing but the values", () => {
    const seed = tf.tensor1d([1, 2], "int32");
    const before = tf.memory().numTensors;
    statelessUniform([3], seed).dispose();
    expect(tf.memory().numTensors).toBe(before);
  });
});
