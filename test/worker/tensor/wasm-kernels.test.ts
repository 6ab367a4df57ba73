import * as tf from "@tensorflow/tfjs-core";
import { expect, it } from "vitest";
import { loadEngine } from "../../../worker/tensor/backend.ts";

const wave = (count: number) => Float32Array.from({ length: count }, (_, at) => Math.sin(at + 1));

interface Case {
  title: string;
  compute: () => tf.Tensor;
}

/** What the wasm engine's package lacks or gets wrong, against the JavaScript engine. */
const cases: Case[] = [
  ...([1, 2] as const).flatMap((stride) =>
    (["valid", "same", 1] as const).map((pad): Case => ({
      title: `the gradient of a convolution by its filter, stride ${stride}, padding ${pad}`,
      compute: () => {
        const x = tf.tensor4d(wave(2 * 7 * 6 * 3), [2, 7, 6, 3]);
        const filter = tf.tensor4d(wave(3 * 3 * 3 * 4), [3, 3, 3, 4]);
        const convolved = (f: tf.Tensor) =>
          tf.conv2d(x, tf.reshape<tf.Rank.R4>(f, filter.shape), stride, pad);
        return tf.grad((f) => tf.square(convolved(f)))(filter);
      },
    })),
  ),
  {
    title: "the gradient of gathered rows, one of them twice",
    compute: () => {
      const table = tf.tensor2d(wave(12), [4, 3]);
      const rows = tf.tensor1d([2, 0, 2], "int32");
      return tf.grad((t) => tf.square(tf.gather(t, rows)))(table);
    },
  },
  {
    title: "one-hot rows of fractions, with rows out of range",
    compute: () => tf.oneHot(tf.tensor1d([1, -100, 0, 7], "int32"), 3, 0.9, 0.05, "float32"),
  },
  {
    title: "one-hot rows of whole numbers",
    compute: () => tf.oneHot(tf.tensor2d([[2], [1]], [2, 1], "int32"), 3, 4, -1, "int32"),
  },
];

async function valuesOn(engine: "wasm" | "cpu", compute: Case["compute"]) {
  await loadEngine({ engine });
  const before = tf.memory().numTensors;
  const result = tf.tidy(compute);
  const { shape, dtype } = result;
  const values = Array.from(await result.data());
  result.dispose();
  return { shape, dtype, values, left: tf.memory().numTensors - before };
}

it.each(cases)("the wasm engine computes $title", async ({ compute }) => {
  const expected = await valuesOn("cpu", compute);
  const found = await valuesOn("wasm", compute);
  expect(found).toEqual({ ...expected, values: expect.any(Array) });
  for (const [at, value] of found.values.entries()) {
    expect(value).toBeCloseTo(expected.values[at]!, 4);
  }
});
