import * as tf from "@tensorflow/tfjs-core";
import type { Tensor } from "@tensorflow/tfjs-core";
import { DataType, isNativeBackend, nativeBackend } from "./native-backend.ts";
import { uniformValues } from "./seeded-values.ts";

const KERNEL = "StatelessRandomUniform";

tf.registerKernel({
  kernelName: KERNEL,
  backendName: "tensorflow",
  kernelFunc: ({ inputs, backend }) => {
    if (!isNativeBackend(backend)) throw new Error(`${KERNEL} needs the native engine`);
    const { TF_ATTR_TYPE: type } = backend.binding;
    const attributes = [
      { name: "dtype", type, value: DataType.float },
      { name: "T", type, value: DataType.int32 },
      { name: "Tseed", type, value: DataType.int32 },
    ];
    return backend.executeSingleOutput(KERNEL, attributes, [inputs["shape"]!, inputs["seed"]!]);
  },
});

/**
 * Values uniform in [0, 1), fixed by shape and seed (int32 [2]) alone on a given engine. TensorFlow
 * draws them on its own device; the other engines draw other values, in JavaScript.
 */
export function statelessUniform(shape: number[], seed: Tensor): Tensor {
  if (nativeBackend() === null) {
    const count = shape.reduce((product, size) => product * size, 1);
    return tf.tensor(uniformValues({ key: seed.dataSync().join("/"), count }, [0, 1]), shape);
  }
  return tf.tidy(() =>
    tf.engine().runKernel<Tensor>(KERNEL, { shape: tf.tensor1d(shape, "int32"), seed }),
  );
}
