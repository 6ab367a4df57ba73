import * as tf from "@tensorflow/tfjs-core";
import type { Tensor } from "@tensorflow/tfjs-core";
import { attend, gelu, layerNorm, linear, splitHeads, weight } from "./layers.ts";
import type { ForwardPass } from "./layers.ts";

export interface EncodedImages {
  /** The embeddings, then the output of each layer. [B·P, C] each */
  hiddenStates: Tensor[];
  /** What the text decoder attends to: the last one after the final layer norm. [B·P, C] */
  imageStates: Tensor;
}

/**
 * The vision transformer of BLIP: patches and a class token, pre-norm layers with a fused
 * query-key-value projection. pixelValues [B, H, W, 3]
 */
export function encodeImages(pass: ForwardPass, pixelValues: Tensor): EncodedImages {
  const { num_hidden_layers, layer_norm_eps } = pass.config.vision_config;
  const batch = pixelValues.shape[0];
  const hiddenStates = [embedPatches(pass, pixelValues)];
  for (let index = 0; index < num_hidden_layers; index += 1) {
    const layer = `vision_model.encoder.layers.${index}`;
    hiddenStates.push(encoderLayer(pass, layer, { x: hiddenStates.at(-1)!, batch }));
  }
  const last = hiddenStates.at(-1)!;
  const imageStates = layerNorm(pass, "vision_model.post_layernorm", last, layer_norm_eps);
  return { hiddenStates, imageStates };
}

/** Class token and linearly projected patches, plus positions. [B, H, W, 3] → [B·P, C] */
function embedPatches(pass: ForwardPass, pixelValues: Tensor): Tensor {
  const { patch_size: patch, hidden_size: width, image_size } = pass.config.vision_config;
  const batch = pixelValues.shape[0];
  const side = image_size / patch;
  const area = patch * patch * 3;
  const embeddings = "vision_model.embeddings";
  const rows = tf.reshape(pixelValues, [batch, side, patch, side, patch * 3]);
  const patches = tf.reshape(tf.transpose(rows, [0, 1, 3, 2, 4]), [batch * side * side, area]);
  const filter = weight(pass, `${embeddings}.patch_embedding.weight`); // [C, 3, patch, patch]
  const matrix = tf.reshape(tf.transpose(filter, [0, 2, 3, 1]), [width, area]);
  const projected = tf.matMul(patches, matrix, false, true);
  const biased = tf.add(projected, weight(pass, `${embeddings}.patch_embedding.bias`));
  const classToken = tf.tile(weight(pass, `${embeddings}.class_embedding`), [batch, 1, 1]);
  const sequence = tf.concat([classToken, tf.reshape(biased, [batch, -1, width])], 1); // [B, P, C]
  const positioned = tf.add(sequence, weight(pass, `${embeddings}.position_embedding`));
  return tf.reshape(positioned, [-1, width]);
}

function encoderLayer(
  pass: ForwardPass,
  layer: string,
  { x, batch }: { x: Tensor; batch: number },
): Tensor {
  const { layer_norm_eps: epsilon, attention_dropout } = pass.config.vision_config;
  const heads = pass.config.vision_config.num_attention_heads;
  const qkv = linear(
    pass,
    `${layer}.self_attn.qkv`,
    layerNorm(pass, `${layer}.layer_norm1`, x, epsilon),
  );
  const [queries, keys, values] = tf
    .split(qkv, 3, 1)
    .map((part) => splitHeads(part, { batch, heads }));
  const context = attend(pass, {
    queries: queries!,
    keys: keys!,
    values: values!,
    mask: null,
    dropoutRate: attention_dropout,
  });
  const attended = tf.add(x, linear(pass, `${layer}.self_attn.projection`, context));
  const inner = linear(
    pass,
    `${layer}.mlp.fc1`,
    layerNorm(pass, `${layer}.layer_norm2`, attended, epsilon),
  );
  return tf.add(attended, linear(pass, `${layer}.mlp.fc2`, gelu(inner)));
}
