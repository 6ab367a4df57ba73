import * as tf from "@tensorflow/tfjs-core";
import type { Tensor, Tensor4D } from "@tensorflow/tfjs-core";
import type { NextTokenModel } from "../caption-search.ts";
import { scoreRows } from "../score-rows.ts";
import { type CnnLstmPass, predictWords, seen, wordInputs } from "./caption-lstm.ts";
import { encodePictures } from "./image-encoder.ts";
import { type LstmState, lstmStep } from "./lstm.ts";

/** The captioner as a model of next tokens. `dispose` frees its state. */
export class LstmDecoder implements NextTokenModel {
  readonly #pass: CnnLstmPass;
  readonly #pixelValues: Tensor4D;
  readonly #firstIds: readonly number[];
  #state: LstmState | undefined;

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
      return this.#firstIds.reduce(
        (state, id) => lstmStep(pass, state, wordInputs(pass, tf.fill([images], id, "int32"))),
        seen(pass, pictures),
      );
    });
  }

  advance({ parents, tokens }: { parents: number[]; tokens: number[] }): Promise<Float32Array[]> {
    const state = this.#state;
    if (state === undefined) throw new Error("a search advances before it starts");
    return this.#step(() => {
      const rows = tf.tensor1d(parents, "int32");
      const past = { h: tf.gather(state.h, rows), c: tf.gather(state.c, rows) };
      return lstmStep(this.#pass, past, wordInputs(this.#pass, tf.tensor1d(tokens, "int32")));
    });
  }

  dispose(): void {
    if (this.#state !== undefined) tf.dispose(this.#state);
  }

  /** Keeps the state that a step makes in place of the former, and returns its scores by row. */
  #step(compute: () => LstmState): Promise<Float32Array[]> {
    const { state, scores } = tf.tidy((): { state: LstmState; scores: Tensor } => {
      const next = compute();
      return { state: next, scores: predictWords(this.#pass, next.h) };
    });
    this.dispose();
    this.#state = state;
    return scoreRows(scores);
  }
}
