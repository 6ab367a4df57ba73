import * as tf from "@tensorflow/tfjs-core";
import type { Tensor } from "@tensorflow/tfjs-core";
import { LM_HEAD, WORD_EMBEDDINGS } from "./blip-parameters.ts";
import { dropout } from "./dropout.ts";
import { attend, embed, gelu, layerNorm, linear, splitHeads, weight } from "./layers.ts";
import type { ForwardPass } from "./layers.ts";

/** Keys and values of one attention, each [B, H, ·, D]. */
export type KeyValues = { keys: Tensor; values: Tensor };

export interface DecoderInputs {
  /** int32 [B, S] */
  inputIds: Tensor;
  /** Of the image, by layer: see `imageKeyValues`. */
  image: KeyValues[];
  /** Null when there are no tokens before `inputIds`. */
  past: PastTokens | null;
  /** Added to the self-attention scores: see `causalMask` and `barred`. */
  mask: Tensor;
}

/**
 * Tokens decoded before, of sequences that are decoded one token at a time. `inputIds` are then the
 * next token of each of the S sequences of an image, and all see one memory of T places a sequence.
 */
export interface PastTokens {
  /** By layer, [B, H, S·T, D]: zeros where no token has been. */
  keyValues: KeyValues[];
  /** The place of the next tokens, int32 [1]. */
  position: Tensor;
}

export interface DecodedText {
  /** The embeddings, then the output of each layer. [B·S, C] each */
  hiddenStates: Tensor[];
  /** Of all tokens so far, by layer: [B, H, S, D], or as in `PastTokens`. */
  keyValues: KeyValues[];
}

/** Score added where attention is not allowed; finite, as in Hugging Face's BLIP. */
const BARRED = -10_000;

/** The BERT decoder of BLIP: post-norm layers with cross-attention to the image. */
export function decodeText(pass: ForwardPass, inputs: DecoderInputs): DecodedText {
  const { inputIds, image, past, mask } = inputs;
  const hiddenStates = [embedTokens(pass, inputIds, past?.position ?? null)];
  const keyValues: KeyValues[] = [];
  const batch = inputIds.shape[0];
  for (const [index, imageLayer] of image.entries()) {
    const layer = layerName(index);
    const x = hiddenStates.at(-1)!;
    const next = projectKeyValues(pass, `${layer}.attention`, { x, batch });
    const own = past === null ? next : remembered(past.keyValues[index]!, next, past.position);
    const attended = attentionBlock(pass, `${layer}.attention`, { x, keyValues: own, mask });
    const informed = attentionBlock(pass, `${layer}.crossattention`, {
      x: attended,
      keyValues: imageLayer,
      mask: null,
    });
    const inner = gelu(linear(pass, `${layer}.intermediate.dense`, informed));
    hiddenStates.push(residual(pass, `${layer}.output`, { branch: inner, x: informed }));
    keyValues.push(own);
  }
  return { hiddenStates, keyValues };
}

/**
 * What every layer's cross-attention reads from the image, once per caption. [B·P, C] → [B, H, P,
 * D]
 */
export function imageKeyValues(pass: ForwardPass, imageStates: Tensor, batch: number): KeyValues[] {
  return Array.from({ length: pass.config.text_config.num_hidden_layers }, (_, index) =>
    projectKeyValues(pass, `${layerName(index)}.crossattention`, { x: imageStates, batch }),
  );
}

/** 0 where a token may attend and a low score elsewhere. [B, S] of 1 and 0 → [B, 1, S, S] */
export function causalMask(attentionMask: Tensor): Tensor {
  const [batch, length] = attentionMask.shape;
  const size = length!;
  const earlier = new Float32Array(size * size);
  for (let row = 0; row < size; row += 1) earlier.fill(1, row * size, row * size + row + 1);
  const tokens = tf.reshape(tf.cast(attentionMask, "float32"), [batch, 1, 1, size]);
  return barred(tf.mul(tf.tensor2d(earlier, [size, size]), tokens));
}

/** 0 where `allowed` is 1, and a low score where it is 0. */
export function barred(allowed: Tensor): Tensor {
  return tf.mul(tf.sub(allowed, 1), -BARRED);
}

/** Scores of every vocabulary entry as the next token. [N, C] → [N, V] */
export function predictTokens(pass: ForwardPass, states: Tensor): Tensor {
  const { layer_norm_eps } = pass.config.text_config;
  const head = "text_decoder.cls.predictions";
  const hidden = gelu(linear(pass, `${head}.transform.dense`, states));
  const normal = layerNorm(pass, `${head}.transform.LayerNorm`, hidden, layer_norm_eps);
  const matrix = weight(pass, pass.config.tie_word_embeddings ? WORD_EMBEDDINGS : LM_HEAD);
  return tf.add(tf.matMul(normal, matrix, false, true), weight(pass, `${head}.bias`));
}

/**
 * Words plus positions, normalised. The ids of a sequence stand side by side from the first place,
 * or are all at the one `position`. [B, S] → [B·S, C]
 */
function embedTokens(pass: ForwardPass, inputIds: Tensor, position: Tensor | null): Tensor {
  const { hidden_size, pad_token_id, layer_norm_eps, hidden_dropout_prob } =
    pass.config.text_config;
  const [batch, length] = inputIds.shape;
  const embeddings = "text_decoder.bert.embeddings";
  const words = embed(weight(pass, WORD_EMBEDDINGS), inputIds, pad_token_id);
  const table = weight(pass, `${embeddings}.position_embeddings.weight`);
  const positions =
    position === null
      ? tf.slice(table, [0, 0], [length!, hidden_size])
      : tf.gather(table, position);
  const sum = tf.add(tf.reshape(words, [batch, length!, hidden_size]), positions);
  const rows = tf.reshape(sum, [batch * length!, hidden_size]);
  const normal = layerNorm(pass, `${embeddings}.LayerNorm`, rows, layer_norm_eps);
  return dropout(pass.dropout, normal, hidden_dropout_prob);
}

/** Attention from `x` to `keyValues`, then the residual. x [B·S, C] → [B·S, C] */
function attentionBlock(
  pass: ForwardPass,
  name: string,
  { x, keyValues, mask }: { x: Tensor; keyValues: KeyValues; mask: Tensor | null },
): Tensor {
  const { num_attention_heads: heads, attention_probs_dropout_prob } = pass.config.text_config;
  const batch = keyValues.keys.shape[0];
  const queries = splitHeads(linear(pass, `${name}.self.query`, x), { batch, heads });
  const dropoutRate = attention_probs_dropout_prob;
  const context = attend(pass, { queries, ...keyValues, mask, dropoutRate });
  return residual(pass, `${name}.output`, { branch: context, x });
}

/** Layer norm of x + dropout(W branch + b), the post-norm of BERT. */
function residual(
  pass: ForwardPass,
  name: string,
  { branch, x }: { branch: Tensor; x: Tensor },
): Tensor {
  const { hidden_dropout_prob, layer_norm_eps } = pass.config.text_config;
  const projected = linear(pass, `${name}.dense`, branch);
  const sum = tf.add(dropout(pass.dropout, projected, hidden_dropout_prob), x);
  return layerNorm(pass, `${name}.LayerNorm`, sum, layer_norm_eps);
}

/** Keys and values that an attention reads from `x`. [B·T, C] → [B, H, T, D] */
function projectKeyValues(
  pass: ForwardPass,
  name: string,
  { x, batch }: { x: Tensor; batch: number },
): KeyValues {
  const split = { batch, heads: pass.config.text_config.num_attention_heads };
  return {
    keys: splitHeads(linear(pass, `${name}.self.key`, x), split),
    values: splitHeads(linear(pass, `${name}.self.value`, x), split),
  };
}

/** `past` with the next tokens of its sequences at their place, which was empty. */
function remembered(past: KeyValues, next: KeyValues, position: Tensor): KeyValues {
  const [batch, heads, places, width] = past.keys.shape;
  const sequences = next.keys.shape[2]!;
  const capacity = places! / sequences;
  const here = tf.reshape(tf.oneHot(position, capacity, 1, 0, "float32"), [1, capacity, 1]);
  const written = (before: Tensor, token: Tensor): Tensor => {
    const rows = batch * heads! * sequences;
    const added = tf.mul(tf.reshape(token, [rows, 1, width!]), here);
    return tf.reshape(tf.add(tf.reshape(before, added.shape), added), past.keys.shape);
  };
  return {
    keys: written(past.keys, next.keys),
    values: written(past.values, next.values),
  };
}

function layerName(index: number): string {
  return `text_decoder.bert.encoder.layer.${index}`;
}
