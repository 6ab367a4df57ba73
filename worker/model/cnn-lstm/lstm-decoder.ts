import * as tf from "@tensorflow/tfjs-core";
import type { Tensor, Tensor4D } from "@tensorflow/tfjs-core";
import type { NextTokenModel } from "../caption-search.ts";
import { scoreRows } from "../score-rows.ts";
import { type CnnLstmPass, predictWords, seen, wordInputs } from "./caption-lstm.ts";
import { encodePictures } from "./image-encoder.ts";
import { type LstmState, lstmStep } from "./lstm.ts";

/** The state of each row and the picture that it describes, [N, E]. */
type DecoderRows = { state: LstmState; pictures: Tensor };

/** The captioner as a model of next tokens. `dispose` frees its state. */
export class LstmDecoder implements NextTokenModel {
  readonly #pass: CnnLstmPass;
  readonly #pixelValues: Tensor4D;
  readonly #firstIds: readonly number[];
  #rows: DecoderRows | undefined;

  /** pixelValues [B, H, W, 3] */
  constructor(pass: CnnLstmPass, pixelValues: Tensor4D, firstIds: readonly number[]) {
    this.#pass = pass;
    this.#pixelValues = pixelValues;
    this.#firstIds = firstIds;
  }

  start(): Promise<Float32Array[]> {
    const pass = this.#pass;
    const images = this.#pixelValues.shape[0];
    return this.#step(() => {
      const pictures = encodePictures(pass, pass.config.encoder, this.#pixelValues);
      let state = seen(pass, pictures);
      for (const id of this.#firstIds) {
        const ids = tf.mul(tf.ones([images], "int32"), tf.scalar(id, "int32"));
        state = lstmStep(pass, state, wordInputs(pass, ids, pictures));
      }
      return { state, pictures };
    });
  }

  advance({ parents, tokens }: { parents: number[]; tokens: number[] }): Promise<Float32Array[]> {
    const rows = this.#rows;
    if (rows === undefined) throw new Error("a search advances before it starts");
    return this.#step(() => {
      const index = tf.tensor1d(parents, "int32");
      const past = { h: tf.gather(rows.state.h, index), c: tf.gather(rows.state.c, index) };
      const pictures = tf.gather(rows.pictures, index);
      const inputs = wordInputs(this.#pass, tf.tensor1d(tokens, "int32"), pictures);
      return { state: lstmStep(this.#pass, past, inputs), pictures };
    });
  }

  dispose(): void {
    if (this.#rows !== undefined) tf.dispose([this.#rows.state, this.#rows.pictures]);
  }

  /** Keeps the rows that a step makes in place of the former, and returns their scores. */
  #step(compute: () => DecoderRows): Promise<Float32Array[]> {
    const { rows, scores } = tf.tidy((): { rows: DecoderRows; scores: Tensor } => {
      const next = compute();
      return { rows: next, scores: predictWords(this.#pass, next.state.h) };
    });
    this.dispose();
    this.#rows = rows;
    return scoreRows(scores);
  }
}
