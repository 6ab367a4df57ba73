import * as tf from "@tensorflow/tfjs-core";
import type { Tensor } from "@tensorflow/tfjs-core";
import type { NextTokenModel } from "./caption-search.ts";
import type { ForwardPass } from "./layers.ts";
import { scoreRows } from "./score-rows.ts";
import { causalMask, decodeText, imageKeyValues, predictTokens } from "./text-decoder.ts";
import type { KeyValues } from "./text-decoder.ts";
import { encodeImages } from "./vision-encoder.ts";

type DecoderRows = {
  /** Per layer, of the image of each row. */
  image: KeyValues[];
  /** Per layer, of each row's tokens so far. */
  past: KeyValues[];
  /** The image that each row describes. */
  imageOfRow: number[];
};

/**
 * The captioner as a model of next tokens. Keys and values are kept from step to step, so that each
 * token is computed once. `dispose` frees them.
 */
export class CaptionDecoder implements NextTokenModel {
  readonly #pass: ForwardPass;
  readonly #pixelValues: Tensor;
  readonly #firstIds: readonly number[];
  #rows: DecoderRows = { image: [], past: [], imageOfRow: [] };

  /** pixelValues [B, H, W, 3] */
  constructor(pass: ForwardPass, pixelValues: Tensor, firstIds: readonly number[]) {
    this.#pass = pass;
    this.#pixelValues = pixelValues;
    this.#firstIds = firstIds;
  }

  start(): Promise<Float32Array[]> {
    const images = this.#pixelValues.shape[0];
    const imageOfRow = Array.from({ length: images }, (_, image) => image);
    return this.#step(() => {
      const { imageStates } = encodeImages(this.#pass, this.#pixelValues);
      const image = imageKeyValues(this.#pass, imageStates, images);
      const shape: [number, number] = [images, this.#firstIds.length];
      const ids = imageOfRow.flatMap(() => this.#firstIds);
      const { hiddenStates, keyValues } = decodeText(this.#pass, {
        inputIds: tf.tensor2d(ids, shape, "int32"),
        image,
        past: null,
        mask: causalMask(tf.ones(shape)),
      });
      const states = tf.reshape(hiddenStates.at(-1)!, [...shape, -1]);
      const last = tf.squeeze(tf.slice(states, [0, shape[1] - 1, 0], [-1, 1, -1]), [1]); // [B, C]
      const logits = predictTokens(this.#pass, last);
      return { logits, rows: { image, past: keyValues, imageOfRow } };
    });
  }

  advance({ parents, tokens }: { parents: number[]; tokens: number[] }): Promise<Float32Array[]> {
    return this.#step(() => {
      const { image, past, imageOfRow } = continued(this.#rows, parents);
      const { hiddenStates, keyValues } = decodeText(this.#pass, {
        inputIds: tf.tensor2d(tokens, [tokens.length, 1], "int32"),
        image,
        past,
        mask: null,
      });
      const logits = predictTokens(this.#pass, hiddenStates.at(-1)!);
      return { logits, rows: { image, past: keyValues, imageOfRow } };
    });
  }

  dispose(): void {
    tf.dispose([this.#rows.image, this.#rows.past]);
  }

  /** Runs one step, keeps its rows in place of the former ones, and returns the scores by row. */
  #step(compute: () => { logits: Tensor; rows: DecoderRows }): Promise<Float32Array[]> {
    const { logits, rows } = tf.tidy(compute);
    const former = this.#rows;
    this.#rows = rows;
    if (former.image !== rows.image) tf.dispose(former.image);
    tf.dispose(former.past);
    return scoreRows(logits);
  }
}

/** The rows that continue `parents`; those of the image stay as they are where none changes. */
function continued(rows: DecoderRows, parents: number[]): DecoderRows {
  const { image, past, imageOfRow } = rows;
  const imageOfNext = parents.map((parent) => imageOfRow[parent]!);
  const hasSameImages = imageOfNext.join() === imageOfRow.join();
  const hasSameRows = hasSameImages && parents.every((parent, row) => parent === row);
  return {
    image: hasSameImages ? image : gathered(image, parents),
    past: hasSameRows ? past : gathered(past, parents),
    imageOfRow: imageOfNext,
  };
}

function gathered(layers: readonly KeyValues[], rows: number[]): KeyValues[] {
  const index = tf.tensor1d(rows, "int32");
  return layers.map(({ keys, values }) => ({
    keys: tf.gather(keys, index),
    values: tf.gather(values, index),
  }));
}
