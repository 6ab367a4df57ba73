import * as tf from "@tensorflow/tfjs-core";
import type { Tensor, TensorInfo } from "@tensorflow/tfjs-core";
import { uniformValues } from "./seeded-values.ts";

const KERNEL = "StatelessRandomUniform";
const NATIVE = "tensorflow";

/** The part of the native engine's backend that runs a TensorFlow operation by its name. */
interface NativeBackend {
  binding: { TF_ATTR_TYPE: number; TF_FLOAT: number; TF_INT32: number };
  executeSingleOutput(
    name: string,
    attributes: { name: string; type: number; value: number }[],
    inputs: TensorInfo[],
  ): TensorInfo;
}

tf.registerKernel({
  kernelName: KERNEL,
  backendName: NATIVE,
  kernelFunc: ({ inputs, backend }) => {
    if (!isNative(backend)) throw new Error(`${KERNEL} needs the native engine`);
    const { TF_ATTR_TYPE: type, TF_FLOAT, TF_INT32 } = backend.binding;
    const attributes = [
      { name: "dtype", type, value: TF_FLOAT },
      { name: "T", type, value: TF_INT32 },
      { name: "Tseed", type, value: TF_INT32 },
    ];
    return backend.executeSingleOutput(KERNEL, attributes, [inputs["shape"]!, inputs["seed"]!]);
  },
});

/**
 * Values uniform in [0, 1), fixed by shape and seed (two 32-bit words) alone on a given engine.
 * TensorFlow draws them on its own device; the other engines draw other values, in JavaScript.
 */
export function statelessUniform(shape: number[], seed: readonly [number, number]): Tensor {
  const words = seed.map((word) => word | 0);
  if (tf.getBackend() !== NATIVE) {
    const count = shape.reduce((product, size) => product * size, 1);
    return tf.tensor(uniformValues({ key: words.join("/"), count }, [0, 1]), shape);
  }
  return tf.tidy(() =>
    tf.engine().runKernel<Tensor>(KERNEL, {
      shape: tf.tensor1d(shape, "int32"),
      seed: tf.tensor1d(words, "int32"),
    }),
  );
}

function isNative(backend: object): backend is NativeBackend {
  return "executeSingleOutput" in backend && "binding" in backend;
}
