import * as tf from "@tensorflow/tfjs-core";
import type { TrainSettings } from "../contract/trial-spec.ts";
import type { SplitImage } from "../data/caption-dataset.ts";
import type { CaptionTokenizer } from "../data/caption-tokenizer.ts";
import type { ImageStore } from "../data/image-store.ts";
import { normalise, type Preprocessor } from "../data/image-transform.ts";
import type { CaptionBatch } from "../model/trainable.ts";
import type { Example } from "./epoch-order.ts";

/** A label that takes no part in the loss. */
const IGNORED = -100;
const CHANNELS = 3;

/** Images, of a split unless said otherwise, and how the model takes them. */
export interface ImageSource<Image extends { file: string } = SplitImage> {
  store: ImageStore<Image>;
  preprocessor: Preprocessor;
}

/** Normalised pixels of these images, float32 [B, H, W, 3]; the caller disposes them. */
export async function pixelTensor<Image extends { file: string }>(
  { store, preprocessor }: ImageSource<Image>,
  indices: readonly number[],
): Promise<tf.Tensor4D> {
  const images = await Promise.all(indices.map((index) => store.pixels(index)));
  const { height, width } = preprocessor;
  const values = normalise(images, preprocessor);
  return tf.tensor4d(values, [images.length, height, width, CHANNELS]);
}

export interface CaptionBatchOptions {
  source: ImageSource;
  tokenizer: CaptionTokenizer;
  settings: Pick<TrainSettings, "labels" | "max_length">;
  examples: readonly Example[];
}

/** The tensors of a batch of examples, as `tokenArrays` lays them out; the caller disposes them. */
export async function captionBatch(options: CaptionBatchOptions): Promise<CaptionBatch> {
  const { source, tokenizer, settings, examples } = options;
  const tokens = examples.map(({ image, caption }) =>
    tokenizer.encode(source.store.images[image]!.captions[caption]!, settings.max_length),
  );
  const { padId } = tokenizer;
  const { shape, ...arrays } = tokenArrays({ tokens, padId, labels: settings.labels });
  const indices = examples.map(({ image }) => image);
  return {
    pixelValues: await pixelTensor(source, indices),
    inputIds: tf.tensor2d(arrays.inputIds, shape, "int32"),
    attentionMask: tf.tensor2d(arrays.attentionMask, shape, "int32"),
    labels: tf.tensor2d(arrays.labels, shape, "int32"),
  };
}

/** Frees a batch's tensors. */
export function disposeBatch(batch: CaptionBatch): void {
  tf.dispose([batch.pixelValues, batch.inputIds, batch.attentionMask, batch.labels]);
}

/**
 * Token ids, mask and labels [B, S] in row-major order. Captions are padded to the longest of the
 * batch, as Hugging Face's `padding=True` does: with `pads_counted` that length is part of the
 * loss.
 */
export function tokenArrays(options: {
  /** Of each caption, [CLS] and [SEP] included. */
  tokens: readonly (readonly number[])[];
  padId: number;
  labels: TrainSettings["labels"];
}): { shape: [number, number] } & Record<"inputIds" | "attentionMask" | "labels", Int32Array> {
  const { tokens, padId, labels } = options;
  const rows = tokens.length;
  const length = Math.max(...tokens.map((ids) => ids.length));
  const inputIds = new Int32Array(rows * length).fill(padId);
  const attentionMask = new Int32Array(rows * length);
  for (const [row, ids] of tokens.entries()) {
    inputIds.set(ids, row * length);
    attentionMask.fill(1, row * length, row * length + ids.length);
  }
  const targets =
    labels === "pads_counted"
      ? inputIds
      : inputIds.map((id, index) => (attentionMask[index] === 1 ? id : IGNORED));
  return { shape: [rows, length], inputIds, attentionMask, labels: targets };
}
