import * as tf from "@tensorflow/tfjs-core";
import type { KernelConfig, Rank, Tensor, Tensor4D, TensorInfo } from "@tensorflow/tfjs-core";

/** Adds what gradients need and the wasm engine lacks, made of what it has. */
export function registerWasmKernels(): void {
  for (const kernel of [conv2dBackpropFilter, unsortedSegmentSum]) tf.registerKernel(kernel);
}

/** How a convolution was taken, as its gradient is told. */
interface ConvolutionAttributes {
  strides: number | [number, number];
  pad: Parameters<typeof tf.backend_util.computeConv2DInfo>[4];
  filterShape: [number, number, number, number];
}

/**
 * The gradient by the filter: for each of its positions, the inputs that it was multiplied with
 * times the gradients of the outputs. x [B, H, W, C], dy [B, H', W', C'] → [h, w, C, C']
 */
const conv2dBackpropFilter: KernelConfig = {
  kernelName: "Conv2DBackpropFilter",
  backendName: "wasm",
  kernelFunc: ({ inputs, attrs }) => {
    const { filterShape, strides, pad } = checked<ConvolutionAttributes>(attrs);
    return tf.tidy(() => {
      const x = tensorOf<Rank.R4>(inputs["x"]);
      const dy = tensorOf<Rank.R4>(inputs["dy"]);
      return filterGradient(x, dy, { filterShape, strides, pad });
    });
  },
};
