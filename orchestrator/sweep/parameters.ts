import { z } from "zod";
import {
  DecodeSettings,
  EncoderCacheMode,
  LoraSettings,
  OptimizerSettings,
  TrainSettings,
  ValidateSettings,
} from "../../worker/contract/trial-spec.ts";
import type { ParameterValue } from "./swept-value.ts";

/** One value that `train:` or an arm may set. */
interface Parameter {
  /** One plain value. */
  schema: z.ZodType<ParameterValue>;
  fallback: ParameterValue;
  about: string;
  /** Whether the sweep may try several values: only where that leaves trials comparable. */
  sweepable: boolean;
}

const DURATION = /^([1-9]\d{0,5})(s|m|h)$/;

/** A length of time in the sweep file: `90s`, `15m`, `1h`. */
export const Duration = z
  .string()
  .regex(DURATION, { error: "expected a length of time such as 90s, 15m or 1h" });

export function durationSeconds(duration: string): number {
  const [, count, unit] = DURATION.exec(duration) ?? [];
  const seconds = { s: 1, m: 60, h: 3600 }[unit ?? ""];
  if (seconds === undefined) throw new Error(`not a duration: ${duration}`);
  return Number(count) * seconds;
}

const train = TrainSettings.shape;
const optimizer = OptimizerSettings.shape;
const decode = DecodeSettings.shape;
const lora = LoraSettings.shape;
const validate = ValidateSettings.shape;

/**
 * Every value of a trial that the sweep file sets, by its path below `train:` or an arm, in the
 * order in which people are shown them. The fallbacks are the recipe of the published BLIP fine-
 * tuning.
 */
export const PARAMETERS: Readonly<Record<string, Parameter>> = {
  epochs: parameter(train.epochs, 5, "Passes over the training split."),
  batch_size: parameter(train.batch_size, 16, "Captions per optimiser step."),
  accumulate: parameter(
    train.accumulate,
    1,
    "Pieces that a batch is computed in, one after another: less memory for the same step.",
  ),
  captions: parameter(
    train.captions,
    "all",
    "all: an epoch runs over image-caption pairs; one: one caption an image, drawn each epoch.",
  ),
  max_length: parameter(
    train.max_length,
    32,
    "Longest caption in tokens, [CLS] and [SEP] included.",
  ),
  labels: parameter(
    train.labels,
    "pads_counted",
    "Whether padding counts in the loss, as in the published recipe, or is masked.",
  ),
  lr: parameter(train.lr, 5e-5, "Learning rate."),
  "optimizer.name": parameter(optimizer.name, "adamw", "The optimiser."),
  "optimizer.betas": parameter(optimizer.betas, [0.9, 0.999], "Decay rates of AdamW's moments."),
  "optimizer.eps": parameter(optimizer.eps, 1e-8, "AdamW's epsilon."),
  "optimizer.weight_decay": parameter(optimizer.weight_decay, 0.01, "Decoupled weight decay."),
  schedule: parameter(train.schedule, "constant", "How the learning rate changes over the steps."),
  precision: parameter(train.precision, "float32", "Number format of weights and activations."),
  encoder_cache: parameter(
    EncoderCacheMode,
    "half",
    "Whether the outputs of an encoder that LoRA leaves as it is are kept, and how: half rounds.",
  ),
  "decode.num_beams": parameter(decode.num_beams, 3, "Beams when captioning; 1 is greedy."),
  "decode.max_new_tokens": parameter(decode.max_new_tokens, 20, "Longest caption generated."),
  "lora.r": parameter(lora.r, 8, "Rank of the update matrices."),
  "lora.alpha": parameter(lora.alpha, 32, "The update is scaled by alpha / r."),
  "lora.dropout": parameter(lora.dropout, 0.1, "Dropout before the update matrices."),
  "lora.target_modules": parameter(
    lora.target_modules,
    ["query", "value"],
    "Names of the linear layers that get an update.",
  ),
  "validate.every_epochs": setting(validate.every_epochs, 1, "Epochs between validations."),
  "validate.images": setting(
    validate.images,
    "all",
    "How many images of the split to caption (the first by id), or all.",
  ),
  "checkpoint.every": setting(Duration, "15m", "Time between checkpoints within an epoch."),
};

const RANKS = new Map(Object.keys(PARAMETERS).map((path, index) => [path, index]));

/** The parameter's position in PARAMETERS. */
export function rankOf(path: string): number {
  return RANKS.get(path) ?? Infinity;
}

/** What an arm may train, and how. */
export const ARM_METHODS = ["full", "lora", "cnn-lstm"] as const;
export type ArmMethod = (typeof ARM_METHODS)[number];

/** Paths of the parameters an arm of this method has. */
export function parametersOf(method: ArmMethod): string[] {
  return Object.keys(PARAMETERS).filter((path) => method === "lora" || !isOfLoraOnly(path));
}

export function isLora(path: string): boolean {
  return path.startsWith("lora.");
}

/** Other arms train the encoder: there is nothing to keep. */
export function isOfLoraOnly(path: string): boolean {
  return isLora(path) || path === "encoder_cache";
}

function parameter(
  schema: z.ZodType<ParameterValue>,
  fallback: ParameterValue,
  about: string,
): Parameter {
  return { schema, fallback, about, sweepable: true };
}

function setting(
  schema: z.ZodType<ParameterValue>,
  fallback: ParameterValue,
  about: string,
): Parameter {
  return { schema, fallback, about, sweepable: false };
}
