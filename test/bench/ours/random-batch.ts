import * as tf from "@tensorflow/tfjs-core";
import type { CaptionBatch } from "../../../worker/model/trainable.ts";
import { type ModelSize, MODEL_SIZES } from "../model-sizes.ts";

/** Ids below are special. */
const FIRST_WORD = 5;
const CHANNELS = 3;

/** The size that a command line names; throws for any other word. */
export function sizeNamed(word: string | undefined): ModelSize {
  const found = Object.entries(MODEL_SIZES).find(([name]) => name === word);
  if (found === undefined) throw new Error(`no size ${word}`);
  return found[1];
}

/** Pictures of noise, float32 [B, H, W, 3]. */
export function randomPictures({ batch, imagePixels: side }: ModelSize, seed: number): tf.Tensor4D {
  return tf.randomNormal([batch, side, side, CHANNELS], 0, 1, "float32", seed);
}

/** A batch of that size with captions of full length, every token of which counts. */
export function randomBatch(size: ModelSize, seed: number): CaptionBatch {
  const shape: [number, number] = [size.batch, size.tokens];
  const inputIds = tf.tidy(() =>
    tf.cast(
      tf.randomUniform(shape, FIRST_WORD, size.text.vocabulary, "float32", seed),
      "int32",
    ) as tf.Tensor2D,
  );
  return {
    pixelValues: randomPictures(size, seed),
    inputIds,
    attentionMask: tf.ones(shape, "int32"),
    labels: inputIds.clone(),
  };
}
