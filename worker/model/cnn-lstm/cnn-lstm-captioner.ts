import * as tf from "@tensorflow/tfjs-core";
import type { Scalar, Tensor, Tensor4D } from "@tensorflow/tfjs-core";
import type { NamedTensors } from "../../tensor/named-tensors.ts";
import type { Captioner, Decoded, DecoderSize, DecoderStart, NextTokens } from "../captioner.ts";
import { DropoutDraws, type DropoutSeed } from "../dropout.ts";
import { writeModelFolder } from "../model-folder.ts";
import type { CaptionBatch } from "../trainable.ts";
import { readModelWeights, takeWeights } from "../weight-files.ts";
import { type CnnLstmPass, cnnLstmLoss } from "./caption-lstm.ts";
import { type CnnLstmConfig, readCnnLstmConfig } from "./cnn-lstm-config.ts";
import { cnnLstmShapes, initialCnnLstm } from "./cnn-lstm-parameters.ts";
import { encodePictures } from "./image-encoder.ts";
import { advanceLstm, beginLstm } from "./lstm-decoding.ts";

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
  const weights = await takeWeights(stored, { shapes, ignored: NOTHING, source });
  return new CnnLstmCaptioner(config, directory, weights);
}

/** A convolutional encoder and an LSTM, all of whose weights are trained: the older baseline. */
export class CnnLstmCaptioner implements Captioner {
  readonly maxPositions = Infinity;
  readonly constantStates = null;
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
    return tf.tidy(() => {
      const pass = this.#pass(parameters, dropoutSeed);
      const pictures =
        "imageStates" in batch
          ? batch.imageStates
          : encodePictures(pass, this.#config.encoder, batch.pixelValues);
      return cnnLstmLoss(pass, pictures, batch);
    });
  }

  replaceParameters(next: NamedTensors): void {
    tf.dispose(this.#parameters);
    this.#parameters = next;
  }

  get firstId(): number {
    return this.#config.decoder.bos_token_id;
  }

  get endId(): number {
    return this.#config.decoder.sep_token_id;
  }

  encode(parameters: NamedTensors, pixelValues: Tensor4D): Tensor {
    const pass = this.#pass(parameters, null);
    return tf.tidy(() => encodePictures(pass, this.#config.encoder, pixelValues));
  }

  begin(parameters: NamedTensors, start: DecoderStart, size: DecoderSize): Decoded {
    return beginLstm(this.#pass(parameters, null), start, size);
  }

  advance(parameters: NamedTensors, next: NextTokens, memory: NamedTensors): Decoded {
    return advanceLstm(this.#pass(parameters, null), next, memory);
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
