import * as tf from "@tensorflow/tfjs-core";
import type { Rank, Tensor, Tensor4D } from "@tensorflow/tfjs-core";
import { type LayerPass, linear, standardised, weight } from "../layers.ts";
import type { EncoderConfig } from "./cnn-lstm-config.ts";
import { KERNEL } from "./cnn-lstm-parameters.ts";

/** Padding in front of and behind an axis: as PyTorch, and unlike TensorFlow, the same. */
const AROUND: [number, number] = [1, 1];
const NONE: [number, number] = [0, 0];

/**
 * Pictures as vectors that the LSTM takes like words. Each stage is a convolution of stride 2 and a
 * residual block (He et al. 2016). The last feature map is flattened as in VGG, not averaged:
 * captions say where things are. It is divided by the root of its size, so that one step of the
 * optimiser, which moves all of its weights alike, does not drown the picture. pixelValues
 * [B, H, W, 3] → [B, E]
 */
export function encodePictures(
  pass: LayerPass,
  config: EncoderConfig,
  pixelValues: Tensor4D,
): Tensor {
  let x = pixelValues;
  for (const stage of config.channels.keys()) {
    const name = `encoder.stages.${stage}`;
    const down = tf.relu(convolution(pass, config, { layer: `${name}.down`, x, stride: 2 }));
    const block = { x: down, stride: 1 };
    const inner = tf.relu(convolution(pass, config, { layer: `${name}.inner`, ...block }));
    const outer = convolution(pass, config, { layer: `${name}.outer`, x: inner, stride: 1 });
    x = tf.relu(tf.add(down, outer));
  }
  const features = tf.reshape(x, [x.shape[0], -1]);
  const [, count] = features.shape;
  return linear(pass, "encoder.projection", tf.mul(features, 1 / Math.sqrt(count!)));
}

interface ConvolutionInputs {
  layer: string;
  x: Tensor4D;
  stride: number;
}

/** A convolution and its normalisation. [B, H, W, C] → [B, H', W', C'] */
function convolution(
  pass: LayerPass,
  config: EncoderConfig,
  { layer, x, stride }: ConvolutionInputs,
): Tensor4D {
  const filter = tf.transpose(weight(pass, `${layer}.conv.weight`), [2, 3, 1, 0]);
  const shaped = tf.reshape<Rank.R4>(filter, [KERNEL, KERNEL, x.shape[3], -1]);
  const padded = tf.pad(x, [NONE, AROUND, AROUND, NONE]);
  const convolved = tf.conv2d(padded, shaped, stride, "valid");
  return groupNorm(pass, `${layer}.norm`, { x: convolved, config });
}

/**
 * Group normalisation (Wu & He 2018): zero mean and unit variance over all positions of a group of
 * channels of one picture. Unlike batch normalisation it keeps no running state and makes no
 * picture depend on the others of its batch, so that a resume and any batch size are exact.
 */
function groupNorm(
  pass: LayerPass,
  layer: string,
  { x, config }: { x: Tensor4D; config: EncoderConfig },
): Tensor4D {
  const [batch, height, width, channels] = x.shape;
  const { groups, norm_eps } = config;
  const grouped = tf.reshape(x, [batch, height * width, groups, channels / groups]);
  const standard = tf.reshape<Rank.R4>(standardised(grouped, [1, 3], norm_eps), x.shape);
  return tf.add(tf.mul(standard, weight(pass, `${layer}.weight`)), weight(pass, `${layer}.bias`));
}
