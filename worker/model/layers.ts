import * as tf from "@tensorflow/tfjs-core";
import type { Tensor } from "@tensorflow/tfjs-core";
import type { LoraSettings } from "../contract/trial-spec.ts";
import { withCustomGradient } from "../tensor/custom-gradient.ts";
import type { NamedTensors } from "../tensor/named-tensors.ts";
import type { BlipConfig } from "./blip-config.ts";
import { dropout } from "./dropout.ts";
import type { DropoutDraws } from "./dropout.ts";
import { loraNames } from "./lora-shapes.ts";

/** What layers depend on besides their inputs, in any model. */
export interface LayerPass {
  /** Every weight by its name in the model's files, LoRA matrices by their PEFT names. */
  weights: NamedTensors;
  /** How LoRA matrices among the weights are applied; null when there are none. */
  lora: LoraSettings | null;
  /** Null switches dropout off. */
  dropout: DropoutDraws | null;
}

/**
 * All that BLIP's forward pass depends on besides its inputs. In shapes, B counts images or
 * captions, P image positions, S tokens, C channels, H heads, D channels of a head, N rows such as
 * B·S.
 */
export interface ForwardPass extends LayerPass {
  config: BlipConfig;
}

/** The weight of a name. Absence is a bug: weights are checked against the config when loaded. */
export function weight({ weights }: LayerPass, name: string): Tensor {
  const found = weights[name];
  if (found === undefined) throw new Error(`no weight ${name}`);
  return found;
}

/**
 * y = x Wᵀ + b, and + (alpha / r) dropout(x) Aᵀ Bᵀ where the layer is adapted (Hu et al. 2021).
 * x [N, in] → [N, out]
 */
export function linear(pass: LayerPass, layer: string, x: Tensor): Tensor {
  const product = tf.matMul(x, weight(pass, `${layer}.weight`), false, true);
  const y = tf.add(product, weight(pass, `${layer}.bias`));
  const { a, b } = loraNames(layer);
  if (pass.lora === null || !(a in pass.weights)) return y;
  const { r, alpha, dropout: rate } = pass.lora;
  const reduced = tf.matMul(dropout(pass.dropout, x, rate), weight(pass, a), false, true); // [N, r]
  return tf.add(y, tf.matMul(tf.mul(reduced, alpha / r), weight(pass, b), false, true));
}

/**
 * (x - mean) / sqrt(variance + epsilon) over the channels, scaled and shifted. x [N, C] → [N, C]
 */
export function layerNorm(pass: LayerPass, layer: string, x: Tensor, epsilon: number): Tensor {
  const standard = standardised(x, [-1], epsilon);
  return tf.add(tf.mul(standard, weight(pass, `${layer}.weight`)), weight(pass, `${layer}.bias`));
}

/** (x - mean) / sqrt(variance + epsilon), both over these axes. */
export function standardised(x: Tensor, axes: number[], epsilon: number): Tensor {
  return withCustomGradient(x, {
    forward: () => {
      const centred = tf.sub(x, tf.mean(x, axes, true));
      const variance = tf.mean(tf.square(centred), axes, true);
      const scale = tf.rsqrt(tf.add(variance, epsilon));
      const value = tf.mul(centred, scale);
      return { value, saved: [value, scale] };
    },
    backward: (dy, [value, scale]) => {
      const along = tf.mul(value!, tf.mean(tf.mul(dy, value!), axes, true));
      return tf.mul(tf.sub(tf.sub(dy, tf.mean(dy, axes, true)), along), scale!);
    },
  });
}

/** x Φ(x), with the normal distribution's Φ exact. */
export function gelu(x: Tensor): Tensor {
  return withCustomGradient(x, {
    forward: () => {
      const phi = tf.mul(tf.add(tf.erf(tf.mul(x, Math.SQRT1_2)), 1), 0.5);
      return { value: tf.mul(x, phi), saved: [x, phi] };
    },
    backward: (dy, [input, phi]) => {
      const density = tf.mul(tf.exp(tf.mul(tf.square(input!), -0.5)), 1 / Math.sqrt(2 * Math.PI));
      return tf.mul(dy, tf.add(phi!, tf.mul(input!, density)));
    },
  });
}

/**
 * Rows of an embedding matrix [V, C] for B·S ids, as [B·S, C]. The padding id passes no gradient.
 */
export function embed(table: Tensor, ids: Tensor, paddingId: number): Tensor {
  const flat = tf.reshape(ids, [-1]);
  const [vocabulary] = table.shape;
  return withCustomGradient(table, {
    forward: () => ({ value: tf.gather(table, flat), saved: [flat] }),
    // A product with one-hot rows: unlike a scattered sum, in a fixed order on every device.
    backward: (dy, [rows]) => {
      const nothing = tf.scalar(-1, "int32");
      const counted = tf.where(tf.equal(rows!, paddingId), nothing, rows!);
      return tf.matMul(tf.oneHot(counted, vocabulary, 1, 0, "float32"), dy, true);
    },
  });
}

export interface AttentionInputs {
  /** Each [B, H, ·, D]; keys and values of equal length. */
  queries: Tensor;
  keys: Tensor;
  values: Tensor;
  /** Added to the scores: broadcasts to [B, H, queries, keys]. */
  mask: Tensor | null;
  dropoutRate: number;
}

/** softmax(Q Kᵀ / sqrt(D) + mask) V with the heads side by side again. → [B·queries, C] */
export function attend(pass: ForwardPass, inputs: AttentionInputs): Tensor {
  const { queries, keys, values, mask, dropoutRate } = inputs;
  const [batch, heads, length, width] = queries.shape;
  const scaled = tf.mul(queries, 1 / Math.sqrt(width!));
  const scores = tf.matMul(scaled, keys, false, true);
  const weights = tf.softmax(mask === null ? scores : tf.add(scores, mask));
  const context = tf.matMul(dropout(pass.dropout, weights, dropoutRate), values);
  return tf.reshape(tf.transpose(context, [0, 2, 1, 3]), [batch * length!, heads! * width!]);
}

/** x [B·T, C] → [B, H, T, D] */
export function splitHeads(x: Tensor, { batch, heads }: { batch: number; heads: number }): Tensor {
  const [rows, width] = x.shape;
  const split = tf.reshape(x, [batch, rows / batch, heads, width! / heads]);
  return tf.transpose(split, [0, 2, 1, 3]);
}
