import * as tf from "@tensorflow/tfjs-core";
import { Failure } from "../contract/failure.ts";

/** Largest error accepted, absolute; the errors seen in float32 are below 1e-6. */
const TOLERANCE = 2e-5;

/** Computed apart from any tensor library by `test/worker/engine/self_check_reference.py`. */
export const REFERENCE = {
  loss: 1.68788130839121,
  kernel: -0.03435749754698847,
  embedding: -0.03880827655899921,
  scale: 0.4321398437645562,
  output: 0.1525280586833766,
};

type Measurement = keyof typeof REFERENCE;

const MEASUREMENTS: Measurement[] = ["loss", "kernel", "embedding", "scale", "output"];
const IDS = [1, 3, 0, 2, 4, 4, 1, 2];
const LABELS = [3, 0, 2, 4, 4, 1, 2, 0];

/**
 * Runs a model in small (patches, embeddings, layer norm, attention, GELU, cross-entropy), forward
 * and backward, on the current engine. Throws Failure `engine-build` where an operation fails or a
 * number differs from its reference: a library that loads and multiplies may still lack or mistake
 * an operation that training needs.
 */
export function selfCheck(): void {
  const measured = measure();
  for (const name of MEASUREMENTS) {
    const error = Math.abs(measured[name] - REFERENCE[name]);
    if (!(error <= TOLERANCE)) {
      throw failedCheck(`its ${name} is ${measured[name]} where ${REFERENCE[name]} is right`);
    }
  }
}

function failedCheck(problem: string): Failure {
  return new Failure({
    reason: "engine-build",
    message: `the engine fails its self-check: ${problem}`,
    remedy: "use another TensorFlow with `engine install --from DIR`",
  });
}

function measure(): Record<Measurement, number> {
  try {
    return tf.tidy(measureTensors);
  } catch (error) {
    throw failedCheck(error instanceof Error ? error.message : String(error));
  }
}

/** The loss, and its derivative by each parameter in the direction cos(1), cos(2), … */
function measureTensors(): Record<Measurement, number> {
  const kernel = tf.variable(tf.tensor4d(wave(12, 1), [2, 2, 1, 3]));
  const embedding = tf.variable(tf.tensor2d(wave(15, 2), [5, 3]));
  const scale = tf.variable(tf.tensor1d(wave(3, 3)));
  const output = tf.variable(tf.tensor2d(wave(15, 4), [3, 5]));
  const { value, grads } = tf.variableGrads(() => loss({ kernel, embedding, scale, output }));
  const slope = (parameter: tf.Variable): number => {
    const gradient = grads[parameter.name];
    parameter.dispose();
    if (!gradient) throw new Error(`no gradient by ${parameter.name}`);
    const values = Array.from(gradient.dataSync<"float32">());
    return values.reduce((sum, each, index) => sum + each * Math.cos(index + 1), 0);
  };
  return {
    loss: value.dataSync()[0] ?? Number.NaN,
    kernel: slope(kernel),
    embedding: slope(embedding),
    scale: slope(scale),
    output: slope(output),
  };
}

interface Parameters {
  kernel: tf.Tensor4D;
  embedding: tf.Tensor2D;
  scale: tf.Tensor1D;
  output: tf.Tensor2D;
}

function loss({ kernel, embedding, scale, output }: Parameters): tf.Scalar {
  const images = tf.tensor4d(wave(32, 0), [2, 4, 4, 1]);
  const patches = tf.reshape(tf.conv2d(images, kernel, 2, "valid"), [2, 4, 3]);
  const words = tf.reshape(tf.gather(embedding, tf.tensor1d(IDS, "int32")), [2, 4, 3]);
  const x = layerNorm(tf.add(patches, words), scale); // [2, 4, 3]
  const scores = tf.div(tf.matMul(x, x, false, true), Math.sqrt(3)); // [2, 4, 4]
  const hidden = gelu(tf.reshape(tf.matMul(tf.softmax(scores), x), [8, 3]));
  const logits = tf.matMul(hidden, output); // [8, 5]
  const targets = tf.oneHot(tf.tensor1d(LABELS, "int32"), 5);
  return tf.neg(tf.mean(tf.sum(tf.mul(tf.logSoftmax(logits), targets), -1)));
}

function layerNorm(x: tf.Tensor, scale: tf.Tensor): tf.Tensor {
  const { mean, variance } = tf.moments(x, -1, true);
  return tf.mul(tf.mul(tf.sub(x, mean), tf.rsqrt(tf.add(variance, 1e-5))), scale);
}

function gelu(x: tf.Tensor): tf.Tensor {
  return tf.mul(tf.mul(x, 0.5), tf.add(tf.erf(tf.div(x, Math.SQRT2)), 1));
}

function wave(count: number, phase: number): number[] {
  return Array.from({ length: count }, (_, index) => Math.sin(phase + index));
}
