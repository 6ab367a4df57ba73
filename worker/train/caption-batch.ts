import * as tf from "@tensorflow/tfjs-core";
import type { TrainSettings } from "../contract/trial-spec.ts";
import type { CaptionTokenizer } from "../data/caption-tokenizer.ts";
import type { CaptionBatch, ImageInput } from "../model/trainable.ts";
import type { Example } from "./epoch-order.ts";
import type { ImageSource } from "./image-source.ts";

/** A label that takes no part in the loss. */
const IGNORED = -100;

export interface CaptionBatchOptions {
  source: ImageSource;
  tokenizer: CaptionTokenizer;
  settings: Pick<TrainSettings, "labels" | "max_length">;
  examples: readonly Example[];
  /** Rows of the batch: with fewer examples the last ones are empty and count for nothing. */
  rows: number;
}

/** The tensors of a batch of examples, as `tokenArrays` lays them out; the caller disposes them. */
export async function captionBatch(options: CaptionBatchOptions): Promise<CaptionBatch> {
  const { source, tokenizer, settings, examples, rows } = options;
  const { labels, max_length: maxLength } = settings;
  const tokens = examples.map(({ image, caption }) =>
    tokenizer.encode(source.images[image]!.captions[caption]!, maxLength),
  );
  const { padId } = tokenizer;
  const { shape, ...arrays } = tokenArrays({ tokens, padId, labels, rows, maxLength });
  const indices = examples.map(({ image }) => image);
  return {
    ...withEmptyRows(await source.input(indices), rows),
    inputIds: tf.tensor2d(arrays.inputIds, shape, "int32"),
    attentionMask: tf.tensor2d(arrays.attentionMask, shape, "int32"),
    labels: tf.tensor2d(arrays.labels, shape, "int32"),
  };
}

/** Images of nothing behind the given ones, which are disposed if there are to be more. */
function withEmptyRows(images: ImageInput, rows: number): ImageInput {
  const filledUp = <T extends tf.Tensor>(tensor: T): T => {
    const missing = rows - tensor.shape[0];
    if (missing === 0) return tensor;
    const padding = tensor.shape.map((_, axis): [number, number] => [0, axis === 0 ? missing : 0]);
    const padded = tf.pad(tensor, padding);
    tensor.dispose();
    return padded;
  };
  return "pixelValues" in images
    ? { pixelValues: filledUp(images.pixelValues) }
    : { imageStates: filledUp(images.imageStates) };
}

/** Frees a batch's tensors. */
export function disposeBatch(batch: CaptionBatch): void {
  tf.dispose(Object.values(batch));
}

/**
 * Token ids, mask and labels [rows, S] in row-major order. Captions are padded to the longest of
 * the batch, as Hugging Face's `padding=True` does: with `pads_counted` that length is part of the
 * loss. What is padded beyond that, to one of few lengths, and rows without captions have labels
 * that count for nothing.
 */
export function tokenArrays(options: {
  /** Of each caption, [CLS] and [SEP] included. */
  tokens: readonly (readonly number[])[];
  padId: number;
  labels: TrainSettings["labels"];
  rows: number;
  /** Of a caption. */
  maxLength: number;
}): { shape: [number, number] } & Record<"inputIds" | "attentionMask" | "labels", Int32Array> {
  const { tokens, padId, rows } = options;
  const longest = Math.max(...tokens.map((ids) => ids.length));
  const length = Math.min(roundedLength(longest), options.maxLength);
  const inputIds = new Int32Array(rows * length).fill(padId);
  const attentionMask = new Int32Array(rows * length);
  const labels = new Int32Array(rows * length).fill(IGNORED);
  for (const [row, ids] of tokens.entries()) {
    const first = row * length;
    inputIds.set(ids, first);
    attentionMask.fill(1, first, first + ids.length);
    if (options.labels === "pads_counted") labels.fill(padId, first, first + longest);
    labels.set(ids, first);
  }
  return { shape: [rows, length], inputIds, attentionMask, labels };
}

/**
 * The next of 8, 12, 16, 24, 32, 48, 64, …: a step is compiled once for each length, so there must
 * be few, and a third more tokens at most.
 */
export function roundedLength(length: number): number {
  let rounded = 8;
  while (rounded < length) rounded += isPowerOfTwo(rounded) ? rounded / 2 : rounded / 3;
  return rounded;
}

function isPowerOfTwo(value: number): boolean {
  return (value & (value - 1)) === 0;
}
