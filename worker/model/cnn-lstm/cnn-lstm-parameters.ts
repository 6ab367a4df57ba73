import * as tf from "@tensorflow/tfjs-core";
import type { Tensor } from "@tensorflow/tfjs-core";
import type { NamedTensors } from "../../tensor/named-tensors.ts";
import { normalValues } from "../../tensor/seeded-values.ts";
import type { CnnLstmConfig, EncoderConfig } from "./cnn-lstm-config.ts";

type Shapes = [name: string, shape: number[]][];

const CHANNELS = 3;
/** Side of all convolutions. */
export const KERNEL = 3;
/** Gates of an LSTM cell, side by side in one matrix. */
const GATES = 4;
/** Of these the second forgets. */
const FORGET = 1;
/** Matrices whose inputs come scaled, or are one row alone: drawn with variance 1. */
const UNSCALED = new Set(["decoder.embedding.weight", "encoder.projection.weight"]);

/**
 * Every parameter by its name, in the model's order. Shapes are PyTorch's: convolutions
 * [out, in, height, width], matrices [out, in], the LSTM as `torch.nn.LSTM` has it.
 */
export function cnnLstmShapes({ encoder, decoder }: CnnLstmConfig): Map<string, number[]> {
  const { vocab_size, embedding_size, hidden_size } = decoder;
  return new Map([
    ...encoder.channels.flatMap((width, stage) => stageShapes(encoder, { width, stage })),
    ...linear("encoder.projection", featuresOf(encoder), embedding_size),
    ["decoder.embedding.weight", [vocab_size, embedding_size]],
    ["decoder.lstm.weight_ih_l0", [GATES * hidden_size, embedding_size]],
    ["decoder.lstm.weight_hh_l0", [GATES * hidden_size, hidden_size]],
    ["decoder.lstm.bias_ih_l0", [GATES * hidden_size]],
    ["decoder.lstm.bias_hh_l0", [GATES * hidden_size]],
    ...linear("decoder.output", hidden_size, vocab_size),
  ] satisfies Shapes);
}

/** How many numbers the last stage makes of a picture. */
function featuresOf({ image_size, channels }: EncoderConfig): number {
  const side = image_size / 2 ** channels.length;
  return side * side * channels.at(-1)!;
}

function stageShapes(
  { channels }: EncoderConfig,
  { width, stage }: { width: number; stage: number },
): Shapes {
  const name = `encoder.stages.${stage}`;
  const before = stage === 0 ? CHANNELS : channels[stage - 1]!;
  return [
    ...convolution(`${name}.down`, before, width),
    ...convolution(`${name}.inner`, width, width),
    ...convolution(`${name}.outer`, width, width),
  ];
}

/** A convolution without bias, which the normalisation after it would take away. */
function convolution(name: string, from: number, to: number): Shapes {
  return [
    [`${name}.conv.weight`, [to, from, KERNEL, KERNEL]],
    [`${name}.norm.weight`, [to]],
    [`${name}.norm.bias`, [to]],
  ];
}

function linear(name: string, from: number, to: number): Shapes {
  return [
    [`${name}.weight`, [to, from]],
    [`${name}.bias`, [to]],
  ];
}

/**
 * New weights, each fixed by the seed and its own name: biases 0, weights of normalisations 1,
 * convolutions normal with variance 2 / inputs (He et al. 2015), word embeddings and the pictures'
 * projection, whose inputs are scaled, with variance 1, all others with 1 / inputs. The
 * forget gate's bias is 1, so that the picture is remembered to the caption's end from the start
 * (Jozefowicz et al. 2015).
 */
export function initialCnnLstm(config: CnnLstmConfig, seed: number): NamedTensors {
  const weights: NamedTensors = {};
  for (const [name, shape] of cnnLstmShapes(config)) {
    weights[name] = initialWeight({ name, shape, seed });
  }
  return weights;
}

function initialWeight(wanted: { name: string; shape: number[]; seed: number }): Tensor {
  const { name, shape, seed } = wanted;
  if (name === "decoder.lstm.bias_ih_l0") return forgetBias(shape[0]! / GATES);
  if (/\.bias(_hh_l0)?$/.test(name)) return tf.zeros(shape);
  if (name.endsWith(".norm.weight")) return tf.ones(shape);
  const count = shape.reduce((product, size) => product * size, 1);
  const source = { key: `${seed}/${name}`, count };
  const inputs = UNSCALED.has(name) ? 1 : count / shape[0]!;
  const gain = name.endsWith(".conv.weight") ? 2 : 1;
  return tf.tensor(normalValues(source, Math.sqrt(gain / inputs)), shape);
}

function forgetBias(width: number): Tensor {
  const gates = Array.from({ length: GATES }, (_, gate) => (gate === FORGET ? 1 : 0));
  return tf.tidy(() => tf.reshape(tf.tile(tf.tensor2d(gates, [GATES, 1]), [1, width]), [-1]));
}
