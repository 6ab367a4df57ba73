import * as tf from "@tensorflow/tfjs-core";
import type { Scalar, Tensor4D } from "@tensorflow/tfjs-core";
import type { NamedTensors } from "../../tensor/named-tensors.ts";
import { type FoundCaption, PLAIN_SEARCH, searchCaptions } from "../caption-search.ts";
import { bestCaptions, type Captioner, type SearchRequest } from "../captioner.ts";
import { DropoutDraws, type DropoutSeed } from "../dropout.ts";
import { writeModelFolder } from "../model-folder.ts";
import type { CaptionBatch, DecodeOptions } from "../trainable.ts";
import { readModelWeights, takeWeights } from "../weight-files.ts";
import { type CnnLstmPass, cnnLstmLoss } from "./caption-lstm.ts";
import { type CnnLstmConfig, readCnnLstmConfig } from "./cnn-lstm-config.ts";
import { cnnLstmShapes, initialCnnLstm } from "./cnn-lstm-parameters.ts";
import { LstmDecoder } from "./lstm-decoder.ts";

const NOTHING = /^$/;

export interface LoadCnnLstmOptions {
  /** The model's folder; of its weights nothing is read with `random`. */
  directory: string;
  init: "pretrained" | "random";
  /** Fixes all weights that are drawn. */
  seed: number;
  /** A folder with tuned weights to go on from. */
  trainedFrom?: string;
}

/** Loads a CNN-LSTM captioner. Throws Failure `model-missing`, `model-invalid`, `file-invalid`. */
export async function loadCnnLstm(options: LoadCnnLstmOptions): Promise<CnnLstmCaptioner> {
  const { directory, init, seed, trainedFrom } = options;
  const config = await readCnnLstmConfig(directory);
  if (init === "random" && trainedFrom === undefined) {
    return new CnnLstmCaptioner(config, directory, initialCnnLstm(config, seed));
  }
  const source = trainedFrom ?? directory;
  const shapes = cnnLstmShapes(config);
  const stored = await readModelWeights(source);
  const weights = takeWeights(stored, { shapes, ignored: NOTHING, source });
  return new CnnLstmCaptioner(config, directory, weights);
}

/** A convolutional encoder and an LSTM, all of whose weights are trained: the older baseline. */
export class CnnLstmCaptioner implements Captioner {
  readonly maxPositions = Infinity;
  readonly #config: CnnLstmConfig;
  readonly #directory: string;
  #parameters: NamedTensors;

  /** Owns the parameters; files beside the weights are copied from `directory`. */
  constructor(config: CnnLstmConfig, directory: string, parameters: NamedTensors) {
    this.#config = config;
    this.#directory = directory;
    this.#parameters = parameters;
  }

  get parameters(): NamedTensors {
    return this.#parameters;
  }

  loss(parameters: NamedTensors, batch: CaptionBatch, dropoutSeed: DropoutSeed | null): Scalar {
    return tf.tidy(() => cnnLstmLoss(this.#pass(parameters, dropoutSeed), batch));
  }

  replaceParameters(next: NamedTensors): void {
    tf.dispose(this.#parameters);
    this.#parameters = next;
  }

  generate(pixelValues: Tensor4D, options: DecodeOptions): Promise<number[][]> {
    return bestCaptions(this, pixelValues, options);
  }

  async search(
    pixelValues: Tensor4D,
    prompt: readonly number[],
    request: SearchRequest,
  ): Promise<FoundCaption[][]> {
    const { bos_token_id, sep_token_id } = this.#config.decoder;
    const firstIds = [bos_token_id, ...prompt];
    const decoder = new LstmDecoder(this.#pass(this.#parameters, null), pixelValues, firstIds);
    const start = { images: pixelValues.shape[0], firstIds };
    const settings = { ...PLAIN_SEARCH, endId: sep_token_id, ...request };
    try {
      return await searchCaptions(decoder, start, settings);
    } finally {
      decoder.dispose();
    }
  }

  save(directory: string): Promise<string[]> {
    return writeModelFolder(directory, { from: this.#directory, weights: this.#parameters });
  }

  dispose(): void {
    tf.dispose(this.#parameters);
  }

  #pass(weights: NamedTensors, dropoutSeed: DropoutSeed | null): CnnLstmPass {
    const dropout = dropoutSeed === null ? null : new DropoutDraws(dropoutSeed);
    return { config: this.#config, weights, lora: null, dropout };
  }
}
