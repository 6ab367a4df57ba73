import * as tf from "@tensorflow/tfjs-core";
import { dataTypeOf, DataType, isNativeBackend } from "./native-backend.ts";

/**
 * Replaces the native engine's GatherV2: the package's reads every index back to check it, which
 * waits for the device and cannot be recorded. TensorFlow checks them too, on the CPU.
 */
export function registerNativeGather(): void {
  const place = { kernelName: "GatherV2", backendName: "tensorflow" };
  tf.unregisterKernel(place.kernelName, place.backendName);
  tf.registerKernel({
    ...place,
    kernelFunc: ({ inputs, attrs, backend }) => {
      if (!isNativeBackend(backend)) throw new Error("this kernel needs the native engine");
      const { x, indices } = inputs;
      const { axis, batchDims } = { axis: 0, batchDims: 0, ...attrs };
      const { TF_ATTR_INT, TF_ATTR_TYPE } = backend.binding;
      const typed = (name: string, value: number) => ({ name, type: TF_ATTR_TYPE, value });
      const axisTensor = tf.scalar(axis, "int32");
      const attributes = [
        { name: "batch_dims", type: TF_ATTR_INT, value: batchDims },
        typed("Tparams", dataTypeOf(x!)),
        typed("Tindices", dataTypeOf(indices!)),
        typed("Taxis", DataType.int32),
      ];
      const tensors = [x!, indices!, axisTensor];
      const gathered = backend.executeSingleOutput(place.kernelName, attributes, tensors);
      axisTensor.dispose();
      return gathered;
    },
  });
}
