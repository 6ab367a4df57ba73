import * as tf from "@tensorflow/tfjs-core";
import type { NamedTensors } from "../tensor/named-tensors.ts";
import { uploaded } from "../tensor/native-backend.ts";
import { normalValues } from "../tensor/seeded-values.ts";
import type { BlipConfig } from "./blip-config.ts";
import { parameterShapes } from "./blip-parameters.ts";

/**
 * New weights for every parameter, each fixed by the seed and its own name:
 *
 * | parameter                            | distribution                                  |
 * | ------------------------------------ | --------------------------------------------- |
 * | biases                               | 0                                             |
 * | layer norm weights                   | 1                                             |
 * | class token, image positions         | normal, `vision_config.initializer_range`     |
 * | other weights of the vision encoder  | normal, `initializer_range` of the whole model |
 * | other weights of the text decoder    | normal, `text_config.initializer_range`       |
 *
 * As in Hugging Face's BLIP, but for the vision encoder's matrices: its default there is 1e-10 for
 * those too, from which nothing is learned.
 */
export function initialWeights(config: BlipConfig, seed: number): NamedTensors {
  const weights: NamedTensors = {};
  for (const [name, shape] of parameterShapes(config)) {
    weights[name] = initialWeight(config, { name, shape, seed });
  }
  return weights;
}

function initialWeight(
  config: BlipConfig,
  { name, shape, seed }: { name: string; shape: number[]; seed: number },
): tf.Tensor {
  if (name.endsWith("bias")) return tf.zeros(shape);
  if (/(LayerNorm|layer_?norm\d?)\.weight$/.test(name)) return tf.ones(shape);
  const count = shape.reduce((product, size) => product * size, 1);
  const values = normalValues({ key: `${seed}/${name}`, count }, deviation(config, name));
  return uploaded(tf.tensor(values, shape));
}

function deviation(config: BlipConfig, name: string): number {
  if (name.startsWith("text_decoder.")) return config.text_config.initializer_range;
  const isEmbedding = /\.(class|position)_embedding$/.test(name);
  return isEmbedding ? config.vision_config.initializer_range : config.initializer_range;
}
