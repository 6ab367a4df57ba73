import * as tf from "@tensorflow/tfjs-core";
import { beforeAll, describe, expect, it } from "vitest";
import { readEngineState } from "../../../../worker/engine/engine-state.ts";
import { loadEngine } from "../../../../worker/tensor/backend.ts";
import { Program } from "../../../../worker/tensor/compile/program.ts";

const isNative = readEngineState()?.engine === "native";

/** Of two images [2, 6, 6, 3]. */
const operations: Record<string, (x: tf.Tensor4D) => tf.Tensor> = {
  conv2d: (x) => tf.conv2d(x, tf.div(tf.ones([3, 3, 3, 4]), 10), 2, "same"),
  depthwiseConv2d: (x) => tf.depthwiseConv2d(x, tf.div(tf.ones([3, 3, 3, 1]), 10), 1, "valid"),
  maxPool: (x) => tf.maxPool(x, 2, 2, "same"),
  avgPool: (x) => tf.avgPool(x, 2, 2, "valid"),
  "activations and norms": (x) => tf.sigmoid(tf.tanh(tf.relu(tf.elu(tf.softplus(x))))),
  "split, concat and stack": (x) => {
    const [first, second] = tf.split(x, 2, 2);
    return tf.stack([tf.concat([second!, first!], 2), x], 1);
  },
  unstack: (x) => tf.add(tf.unstack(x, 0)[0]!, tf.unstack(x, 0)[1]!),
  "slice, pad, tile and reverse": (x) => {
    const part = tf.slice(x, [0, 1, 1, 0], [2, 3, 3, 2]);
    const before: [number, number] = [1, 0];
    const padded = tf.pad(part, [before, before, before, before]);
    return tf.reverse(tf.tile(padded, [1, 2, 1, 1]), 1);
  },
  "transpose and reshape": (x) => tf.reshape(tf.transpose(x, [0, 3, 1, 2]), [6, -1]),
  "softmax and logSoftmax": (x) => tf.mul(tf.softmax(x), tf.logSoftmax(x)),
  "means, sums and extremes": (x) =>
    tf.add(tf.mean(x, [1, 2]), tf.sub(tf.max(x, [1, 2]), tf.sum(x, [1, 2]))),
  gather: (x) => tf.gather(x, tf.tensor1d([1, 0, 1], "int32")),
  "where, comparisons and clip": (x) => {
    const chosen = tf.tensor1d([1, 0, 1], "bool");
    return tf.where(tf.logicalNot(chosen), tf.square(x), tf.clipByValue(x, -0.5, 0));
  },
  "exp, log, sqrt, pow and erf": (x) => tf.erf(tf.log(tf.sqrt(tf.pow(tf.exp(x), 3)))),
  oneHot: (x) => tf.mul(tf.oneHot(tf.argMax(x, 3), 3), tf.expandDims(tf.sum(x, 3), 3)),
  "matMul and dropout's mask": (x) => {
    const kept = tf.cast(tf.greaterEqual(tf.ones([6, 6]), 0.5), "float32");
    return tf.mul(tf.matMul(x, x, false, true), kept);
  },
  resizeBilinear: (x) => tf.image.resizeBilinear(x, [3, 4]),
};

// Other engines run no graphs.
describe.runIf(isNative)("compiled, and as it is, with its gradient", () => {
  beforeAll(() => loadEngine());

  it.each(Object.entries(operations))("%s", (_, operation) => {
    const run = (x: tf.Tensor) => {
      const loss = (each: tf.Tensor) =>
        tf.sum<tf.Scalar>(tf.square(operation(each as tf.Tensor4D)));
      const { value, grad } = tf.valueAndGrad(loss)(x);
      return { value, grad };
    };
    const values = Float32Array.from({ length: 216 }, (__, index) => Math.sin(index * 1.3));
    const x = tf.tensor(values, [2, 6, 6, 3]);
    const program = new Program({});
    const step = program.compile({
      compute: (__, feeds) => run(feeds["x"]!),
      results: ["value", "grad"],
    });
    const [compiled, eager] = [step({ x }), tf.tidy(() => run(x))];
    for (const name of ["value", "grad"] as const) {
      const expected = eager[name].dataSync();
      for (const [index, value] of compiled[name]!.dataSync().entries()) {
        expect(value, name).toBeCloseTo(expected[index]!, 4);
      }
    }
    tf.dispose([x, compiled, eager]);
    program.dispose();
  });
});
