import * as tf from "@tensorflow/tfjs-core";
import type { Scalar, Tensor } from "@tensorflow/tfjs-core";
import { withCustomGradient } from "../tensor/custom-gradient.ts";
import { causalMask, decodeText, imageKeyValues, predictTokens } from "./text-decoder.ts";
import type { ForwardPass } from "./layers.ts";
import type { CaptionBatch } from "./trainable.ts";

/** A label that takes no part in the loss. */
const IGNORED = -100;

/**
 * Mean cross-entropy of each next token over all labels of the batch that count, with the label
 * smoothing of the text config. imageStates [B·P, C]
 */
export function captionLoss(pass: ForwardPass, imageStates: Tensor, batch: CaptionBatch): Scalar {
  const [captions, length] = batch.inputIds.shape;
  // The last token predicts nothing that has a label, and no earlier position sees it.
  const shape: [number, number] = [captions, length - 1];
  const { hiddenStates } = decodeText(pass, {
    inputIds: tf.slice(batch.inputIds, [0, 0], shape),
    image: imageKeyValues(pass, imageStates, captions),
    past: null,
    mask: causalMask(tf.slice(batch.attentionMask, [0, 0], shape)),
  });
  const logits = predictTokens(pass, hiddenStates.at(-1)!);
  const labels = tf.reshape(tf.slice(batch.labels, [0, 1], shape), [-1]);
  return crossEntropy({ logits, labels, smoothing: pass.config.text_config.label_smoothing });
}

interface CrossEntropyInputs {
  /** [N, V] */
  logits: Tensor;
  /** int32 [N] */
  labels: Tensor;
  smoothing: number;
}

/**
 * As torch.nn.functional.cross_entropy with `ignore_index` -100 and the mean as reduction, but 0
 * where no label counts.
 */
export function crossEntropy({ logits, labels, smoothing }: CrossEntropyInputs): Scalar {
  return withCustomGradient(logits, {
    forward: () => {
      const counted = tf.cast(tf.notEqual(labels, IGNORED), "float32");
      // Of nothing that counts, the mean is 0.
      const count = tf.maximum(tf.sum(counted), 1);
      const shares = tf.reshape(tf.div(counted, count), [-1, 1]); // [N, 1], sum 1
      const logProbabilities = tf.logSoftmax(logits);
      const terms = tf.mul(smoothed(labels, logits.shape[1]!, smoothing), logProbabilities);
      // Row by row: one sum over all N·V terms loses digits where an engine adds them in turn.
      const rows = tf.sum(terms, 1, true); // [N, 1]
      const value = tf.neg(tf.sum<Scalar>(tf.mul(rows, shares)));
      return { value, saved: [labels, shares, logProbabilities] };
    },
    backward: (dy, [targets, shares, logProbabilities]) => {
      const wanted = smoothed(targets!, logProbabilities!.shape[1]!, smoothing);
      return tf.mul(tf.mul(tf.sub(tf.exp(logProbabilities!), wanted), shares!), dy);
    },
  });
}

/** (1 - smoothing) on the label and smoothing / V everywhere. int32 [N] → [N, V] */
function smoothed(labels: Tensor, vocabulary: number, smoothing: number): Tensor {
  const spread = smoothing / vocabulary;
  return tf.oneHot(labels, vocabulary, 1 - smoothing + spread, spread, "float32");
}
