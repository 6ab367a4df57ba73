import * as tf from "@tensorflow/tfjs-core";
import type { Scalar, Tensor, Tensor4D } from "@tensorflow/tfjs-core";
import { Failure } from "../contract/failure.ts";
import type { LoraSettings } from "../contract/trial-spec.ts";
import { withoutGradient } from "../tensor/custom-gradient.ts";
import type { NamedTensors } from "../tensor/named-tensors.ts";
import { holdsAdapter, readAdapter, readAdapterSettings, writeAdapter } from "./adapter-files.ts";
import { advanceDecoding, beginDecoding } from "./blip-decoding.ts";
import { readBlipConfig } from "./blip-config.ts";
import type { BlipConfig } from "./blip-config.ts";
import { parameterShapes } from "./blip-parameters.ts";
import { captionLoss } from "./caption-loss.ts";
import type { Captioner, Decoded, DecoderSize, DecoderStart, NextTokens } from "./captioner.ts";
import { DropoutDraws } from "./dropout.ts";
import type { DropoutSeed } from "./dropout.ts";
import { initialWeights } from "./initial-weights.ts";
import { initialLora, mergedWeights } from "./lora.ts";
import type { ForwardPass } from "./layers.ts";
import { writeModelFolder } from "./model-folder.ts";
import type { CaptionBatch } from "./trainable.ts";
import { encodeImages } from "./vision-encoder.ts";
import { readModelWeights, takeWeights } from "./weight-files.ts";

/** Tensors that tied or older files hold besides the parameters, with nothing new in them. */
const REDUNDANT = /\.position_ids$|\.predictions\.decoder\.(weight|bias)$/;

export interface LoadCaptionerOptions {
  /** A model in the Hugging Face layout; of its weights nothing is read with `random`. */
  directory: string;
  init: "pretrained" | "random";
  /** Fixes all weights that are drawn. */
  seed: number;
  method: "full" | "lora" | "untuned";
  /** Needed with `lora`. */
  lora?: LoraSettings;
  /** Tuned weights to go on from: a whole model, or an adapter as PEFT writes it. */
  trainedFrom?: string;
}

/**
 * Loads a captioner: `full` trains all weights, `lora` an adapter, `untuned` nothing. An adapter in
 * `trainedFrom` is worked into the weights unless it is trained on.
 * Throws Failure `model-missing`, `model-invalid` or `file-invalid`.
 */
export async function loadCaptioner(options: LoadCaptionerOptions): Promise<BlipCaptioner> {
  const { directory, init, seed, method, lora, trainedFrom } = options;
  const config = await readBlipConfig(directory);
  const adapter = trainedFrom !== undefined && holdsAdapter(trainedFrom) ? trainedFrom : null;
  const whole = adapter === null ? trainedFrom : undefined;
  const drawn = init === "random" && whole === undefined;
  const weights = drawn
    ? initialWeights(config, seed)
    : await storedWeights(config, whole ?? directory);
  if (method === "lora") {
    if (lora === undefined) throw new Error("method lora needs its settings");
    const matrices =
      adapter === null
        ? initialLora(config, lora, seed)
        : await resumedAdapter(adapter, config, lora);
    return new BlipCaptioner({ config, directory, parameters: matrices, frozen: weights, lora });
  }
  if (adapter !== null) await mergeAdapter(weights, adapter, config);
  const [parameters, frozen] = method === "full" ? [weights, {}] : [{}, weights];
  return new BlipCaptioner({ config, directory, parameters, frozen, lora: null });
}

async function storedWeights(config: BlipConfig, directory: string): Promise<NamedTensors> {
  const stored = await readModelWeights(directory);
  const shapes = parameterShapes(config);
  return takeWeights(stored, { shapes, ignored: REDUNDANT, source: directory });
}

/** The matrices to train on with the same settings as before. */
async function resumedAdapter(
  directory: string,
  config: BlipConfig,
  lora: LoraSettings,
): Promise<NamedTensors> {
  const { r, alpha } = await readAdapterSettings(directory);
  if (r !== lora.r || alpha !== lora.alpha) {
    throw new Failure({
      reason: "model-invalid",
      message: `${directory} was trained with r ${r} and alpha ${alpha}, not ${lora.r} and ${lora.alpha}`,
      remedy: "continue from an adapter of the same trial",
    });
  }
  return readAdapter(directory, config, lora);
}

/** Replaces the adapted weights by their sums with the adapter. */
async function mergeAdapter(
  weights: NamedTensors,
  directory: string,
  config: BlipConfig,
): Promise<void> {
  const lora = await readAdapterSettings(directory);
  const matrices = await readAdapter(directory, config, lora);
  const merged = mergedWeights({ ...weights, ...matrices }, config, lora);
  tf.dispose(matrices);
  for (const [name, tensor] of Object.entries(merged)) {
    weights[name]!.dispose();
    weights[name] = tensor;
  }
}

interface CaptionerParts {
  config: BlipConfig;
  /** The model's directory, where the files beside the weights are copied from. */
  directory: string;
  /** Weights that are trained, and the others. The captioner owns both. */
  parameters: NamedTensors;
  frozen: NamedTensors;
  lora: LoraSettings | null;
}

/** A BLIP captioning model, trained whole, by an adapter, or not at all. */
export class BlipCaptioner implements Captioner {
  readonly config: BlipConfig;
  readonly #directory: string;
  readonly #frozen: NamedTensors;
  readonly #lora: LoraSettings | null;
  /** Names of the parameters, also while they are elsewhere. */
  readonly #trained: readonly string[];
  #parameters: NamedTensors;

  constructor({ config, directory, parameters, frozen, lora }: CaptionerParts) {
    this.config = config;
    this.#directory = directory;
    this.#trained = Object.keys(parameters);
    this.#parameters = parameters;
    this.#frozen = frozen;
    this.#lora = lora;
  }

  get parameters(): NamedTensors {
    return this.#parameters;
  }

  /** What a forward pass with these values of the parameters depends on. */
  forwardPass(parameters: NamedTensors, dropoutSeed: DropoutSeed | null): ForwardPass {
    return {
      config: this.config,
      weights: { ...this.#frozen, ...parameters },
      lora: this.#lora,
      dropout: dropoutSeed === null ? null : new DropoutDraws(dropoutSeed),
    };
  }

  loss(parameters: NamedTensors, batch: CaptionBatch, dropoutSeed: DropoutSeed | null): Scalar {
    return tf.tidy(() => {
      const pass = this.forwardPass(parameters, dropoutSeed);
      return captionLoss(pass, this.#imageStates(pass, batch), batch);
    });
  }

  get constantStates(): readonly [positions: number, channels: number] | null {
    const { attention_dropout, hidden_size, image_size, patch_size } = this.config.vision_config;
    if (attention_dropout > 0 || this.#isVisionTrained) return null;
    return [1 + (image_size / patch_size) ** 2, hidden_size];
  }

  replaceParameters(next: NamedTensors): void {
    tf.dispose(this.#parameters);
    this.#parameters = next;
  }

  get maxPositions(): number {
    return this.config.text_config.max_position_embeddings;
  }

  get firstId(): number {
    return this.config.text_config.bos_token_id;
  }

  get endId(): number {
    return this.config.text_config.sep_token_id;
  }

  encode(parameters: NamedTensors, pixelValues: Tensor4D): Tensor {
    return tf.tidy(() => {
      const { imageStates } = encodeImages(this.forwardPass(parameters, null), pixelValues);
      return tf.reshape(imageStates, [pixelValues.shape[0], -1, imageStates.shape[1]!]);
    });
  }

  begin(parameters: NamedTensors, start: DecoderStart, size: DecoderSize): Decoded {
    return beginDecoding(this.forwardPass(parameters, null), start, size);
  }

  advance(parameters: NamedTensors, next: NextTokens, memory: NamedTensors): Decoded {
    return advanceDecoding(this.forwardPass(parameters, null), next, memory);
  }

  async save(directory: string): Promise<string[]> {
    if (this.#lora !== null) {
      const adapter = { matrices: this.parameters, lora: this.#lora, base: this.#directory };
      return writeAdapter(directory, adapter);
    }
    const weights = { ...this.#frozen, ...this.#parameters };
    return writeModelFolder(directory, { from: this.#directory, weights });
  }

  dispose(): void {
    tf.dispose([this.#parameters, this.#frozen]);
  }

  /** What the decoder sees of a batch's images. [B·P, C] */
  #imageStates(pass: ForwardPass, batch: CaptionBatch): Tensor {
    if ("imageStates" in batch) {
      return tf.reshape(batch.imageStates, [-1, batch.imageStates.shape.at(-1)!]);
    }
    const encode = () => encodeImages(pass, batch.pixelValues).imageStates;
    return this.#isVisionTrained ? encode() : withoutGradient(batch.pixelValues, encode);
  }

  get #isVisionTrained(): boolean {
    return this.#trained.some((name) => name.includes("vision_model."));
  }
}
