import * as tf from "@tensorflow/tfjs-core";
import { expect, test } from "vitest";
import { readEngineState } from "../../../worker/engine/engine-state.ts";
import { loadEngine } from "../../../worker/tensor/backend.ts";

/** Attention over gathered embeddings with a layer norm: the operations a model is made of. */
function gradients(): number[] {
  const table = tf.tensor2d(wave(60), [6, 10]);
  const weights = tf.tensor2d(wave(100).toReversed(), [10, 10]);
  const { grads } = tf.valueAndGrads((embedding: tf.Tensor, projection: tf.Tensor) => {
    const x = tf.gather(embedding, tf.tensor1d([5, 0, 3, 3], "int32"));
    const { mean, variance } = tf.moments(x, -1, true);
    const normal = tf.div(tf.sub(x, mean), tf.sqrt(tf.add(variance, 1e-5)));
    const query = tf.matMul(normal, projection);
    const mixed = tf.matMul(tf.softmax(tf.matMul(query, normal, false, true)), normal);
    return tf.mean<tf.Scalar>(tf.square(tf.erf(mixed)));
  })([table, weights]);
  return grads.flatMap((gradient) => Array.from(gradient.dataSync<"float32">()));
}

function wave(count: number): number[] {
  return Array.from({ length: count }, (_, index) => Math.sin(index * 1.3) / 2);
}

test("the native and the JavaScript engine agree on gradients", async () => {
  await loadEngine();
  expect(tf.getBackend()).toBe("tensorflow");
  const native = gradients();
  await loadEngine({ engine: "cpu" });
  expect(tf.getBackend()).toBe("cpu");
  const cpu = gradients();
  expect(native).toHaveLength(160);
  expect(Math.max(...native.map(Math.abs))).toBeGreaterThan(1e-3);
  for (const [index, value] of native.entries()) expect(value).toBeCloseTo(cpu[index] ?? NaN, 6);
});

test("the loaded engine is described as it is recorded", async () => {
  const state = readEngineState();
  expect(await loadEngine({ threads: 1 })).toMatchObject(
    state?.engine === "native"
      ? { engine: "native", tensorflow: state.tensorflow, library: state.library, threads: 1 }
      : { engine: "cpu", tensorflow: null, library: null },
  );
});
