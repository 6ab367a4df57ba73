import * as tf from "@tensorflow/tfjs-core";
import type { SplitImage } from "../data/caption-dataset.ts";
import type { ImageStore } from "../data/image-store.ts";
import { normalise, type Preprocessor } from "../data/image-transform.ts";
import type { ImageInput } from "../model/trainable.ts";

const CHANNELS = 3;

/** Images, of a split unless said otherwise, as a model takes them. */
export interface ImageSource<Image extends { file: string } = SplitImage> {
  /** Indices below refer to them. */
  readonly images: readonly Image[];
  /** These images as one batch; the caller disposes it. */
  input(indices: readonly number[]): Promise<ImageInput>;
  /** Starts reading these images, for `input` to take. */
  prefetch(indices: readonly number[]): void;
}

/** Images as pixels, normalised. */
export function pixelSource<Image extends { file: string }>(
  store: ImageStore<Image>,
  preprocessor: Preprocessor,
): ImageSource<Image> {
  const { height, width } = preprocessor;
  return {
    images: store.images,
    async input(indices) {
      const pixels = await Promise.all(indices.map((index) => store.pixels(index)));
      const values = normalise(pixels, preprocessor);
      return { pixelValues: tf.tensor4d(values, [pixels.length, height, width, CHANNELS]) };
    },
    prefetch: (indices) => store.prefetch(indices),
  };
}

/** Frees what `input` returned. */
export function disposeInput(input: ImageInput): void {
  tf.dispose(Object.values(input));
}
