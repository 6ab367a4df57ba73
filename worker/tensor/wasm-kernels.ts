import * as tf from "@tensorflow/tfjs-core";
import type { KernelConfig, Tensor, TensorInfo } from "@tensorflow/tfjs-core";
import { z } from "zod";

const WASM = "wasm";
const ONE_HOT = "OneHot";

/**
 * Adds what gradients need and the wasm engine lacks, made of what it has. To be called before the
 * engine starts.
 */
export function registerWasmKernels(): void {
  if (tf.getKernel(conv2dBackpropFilter.kernelName, WASM)) return;
  const oneHot = oneHotOf(tf.getKernel(ONE_HOT, WASM));
  tf.unregisterKernel(ONE_HOT, WASM);
  for (const kernel of [conv2dBackpropFilter, unsortedSegmentSum, oneHot])
    tf.registerKernel(kernel);
}

const whole = z.number().int();
const two = z.tuple([whole, whole]);
const ConvolutionAttributes = z.object({
  strides: z.union([whole, two]),
  pad: z.union([z.literal("valid"), z.literal("same"), whole]),
  filterShape: z.tuple([whole, whole, whole, whole]),
});
const SegmentAttributes = z.object({ numSegments: whole });
const OneHotAttributes = z.object({
  depth: whole,
  onValue: z.number(),
  offValue: z.number(),
  dtype: z.enum(["float32", "int32"]),
});

/**
 * The gradient by the filter: for each position in it, the inputs that it was multiplied with times
 * the gradient of the outputs. x [B, H, W, C], dy [B, H', W', C'] → [h, w, C, C']
 */
const conv2dBackpropFilter: KernelConfig = {
  kernelName: "Conv2DBackpropFilter",
  backendName: WASM,
  kernelFunc: ({ inputs, attrs }) => {
    const { filterShape, strides, pad } = ConvolutionAttributes.parse(attrs);
    const [x, dy] = [tensorOf(inputs["x"]), tensorOf(inputs["dy"])];
    const [batch, height, width, channels] = x.shape;
    const shape: [number, number, number, number] = [batch, height!, width!, channels!];
    const taken = tf.backend_util.computeConv2DInfo(shape, filterShape, strides, 1, pad);
    const { padInfo, outHeight, outWidth, strideHeight, strideWidth } = taken;
    const none: [number, number] = [0, 0];
    return tf.tidy(() => {
      const sides: [number, number][] = [
        [padInfo.top, padInfo.bottom],
        [padInfo.left, padInfo.right],
      ];
      const padded = tf.pad(x, [none, ...sides, none]);
      const gradients = tf.reshape(dy, [-1, taken.outChannels]); // [B·H'·W', C']
      const products: Tensor[] = [];
      for (let row = 0; row < taken.filterHeight; row += 1) {
        for (let column = 0; column < taken.filterWidth; column += 1) {
          const first = [0, row, column, 0];
          const lastRow = row + (outHeight - 1) * strideHeight;
          const lastColumn = column + (outWidth - 1) * strideWidth;
          const end = [taken.batchSize, lastRow + 1, lastColumn + 1, taken.inChannels];
          const met = tf.stridedSlice(padded, first, end, [1, strideHeight, strideWidth, 1]);
          products.push(tf.matMul(tf.reshape(met, [-1, taken.inChannels]), gradients, true));
        }
      }
      return tf.reshape(tf.stack(products), filterShape);
    });
  },
};

/**
 * Sums of the rows of each segment, as a product with one-hot rows. x [N, …], segmentIds [N];
 * a negative segment takes no part.
 */
const unsortedSegmentSum: KernelConfig = {
  kernelName: "UnsortedSegmentSum",
  backendName: WASM,
  kernelFunc: ({ inputs, attrs }) => {
    const { numSegments } = SegmentAttributes.parse(attrs);
    const [x, segmentIds] = [tensorOf(inputs["x"]), tensorOf(inputs["segmentIds"])];
    return tf.tidy(() => {
      const rows = tf.oneHot(tf.reshape(segmentIds, [-1]), numSegments, 1, 0, "float32");
      const values = tf.reshape(x, [x.shape[0], -1]);
      return tf.reshape(tf.matMul(rows, values, true), [numSegments, ...x.shape.slice(1)]);
    });
  },
};

/** The package's kernel writes whole numbers, whatever values and type it is asked for. */
function oneHotOf(packaged: KernelConfig): KernelConfig {
  return {
    ...packaged,
    kernelFunc: ({ inputs, attrs, backend }) => {
      const { depth, onValue, offValue, dtype } = OneHotAttributes.parse(attrs);
      const whole01 = { depth, onValue: 1, offValue: 0, dtype: "int32" };
      return tf.tidy(() => {
        const places = packaged.kernelFunc({ inputs, attrs: whole01, backend });
        if (Array.isArray(places)) throw new Error("OneHot has one output");
        const ones = tf.cast(tf.engine().makeTensorFromTensorInfo(places), "float32");
        return tf.cast(tf.add(tf.mul(ones, onValue - offValue), offValue), dtype);
      });
    },
  };
}

/** tfjs calls kernels with tensors, which its types do not say. */
function tensorOf(input: TensorInfo | undefined): Tensor {
  if (input instanceof tf.Tensor) return input;
  throw new Error("a kernel was called without tensors");
}
