import { z } from "zod";

const positive = z.number().positive();
const count = z.number().int().positive();
const probability = z.number().min(0).lt(1);

export const OptimizerSettings = z.strictObject({
  name: z.literal("adamw"),
  betas: z.tuple([probability, probability]),
  eps: positive,
  weight_decay: z.number().min(0),
});
export type OptimizerSettings = z.infer<typeof OptimizerSettings>;

/** How a trial trains. Names are those of the sweep file (`train:`), so that a user recognises them. */
export const TrainSettings = z.strictObject({
  epochs: count,
  batch_size: count,
  /** Pieces that a batch is computed in, one after another: less memory for the same step. */
  accumulate: count,
  /** `all`: an epoch runs over image-caption pairs; `one`: one caption an image, drawn each epoch. */
  captions: z.enum(["all", "one"]),
  /** Longest caption in tokens, [CLS] and [SEP] included. */
  max_length: z.number().int().min(3),
  /** Whether [PAD] positions count in the loss (as in the published recipe) or are masked. */
  labels: z.enum(["pads_counted", "pads_masked"]),
  lr: positive,
  optimizer: OptimizerSettings,
  schedule: z.enum(["constant", "linear", "cosine"]),
  precision: z.literal("float32"),
});
export type TrainSettings = z.infer<typeof TrainSettings>;

/**
 * How a trial keeps what a frozen encoder makes of an image, for itself and for others: as halves
 * or as floats. Halves round, from the first step on. With `off`, every step encodes its images.
 */
export const EncoderCacheMode = z.enum(["half", "float", "off"]);
export type EncoderCacheMode = z.infer<typeof EncoderCacheMode>;

export const LoraSettings = z.strictObject({
  r: count,
  alpha: positive,
  dropout: probability,
  target_modules: z.array(z.string().min(1)).min(1),
});
export type LoraSettings = z.infer<typeof LoraSettings>;

export const ValidateSettings = z.strictObject({
  every_epochs: count,
  /** How many images of the split to caption (the first ones by id), or all. */
  images: z.union([z.literal("all"), count]),
});

export const DecodeSettings = z.strictObject({
  num_beams: count,
  max_new_tokens: count,
});
export type DecodeSettings = z.infer<typeof DecodeSettings>;

export const Objective = z.strictObject({
  metric: z.literal("cider"),
  split: z.string().min(1),
  mode: z.literal("max"),
});

/** What is done with captions that VizWiz marks; `keep` trains on and scores against them. */
const Marked = z.enum(["drop", "keep"]);

export const DatasetIdentity = z.strictObject({
  format: z.literal("vizwiz"),
  precanned: Marked,
  rejected: Marked,
  /** SHA-256 (hex) of the annotation file of each split in use. */
  annotations: z.record(z.string(), z.string()),
});
export type DatasetIdentity = z.infer<typeof DatasetIdentity>;

export const ModelIdentity = z.strictObject({
  /** SHA-256 (hex) over the files that define the model: see `worker/files/model-digest.ts`. */
  digest: z.string(),
  /** `pretrained` reads the folder's weights; `random` draws them from the trial's seed. */
  init: z.enum(["pretrained", "random"]),
});

const common = {
  decode: DecodeSettings,
  objective: Objective,
  validate: ValidateSettings,
  dataset: DatasetIdentity,
  seed: z.number().int().min(0),
};

/**
 * Everything that determines a trial's result, and nothing else: the trial's id is a hash of it.
 * `untuned` validates the model as given; `constant` finds the best single caption for all images.
 */
export const Recipe = z.discriminatedUnion("method", [
  z.strictObject({
    method: z.literal("full"),
    model: ModelIdentity,
    train: TrainSettings,
    ...common,
  }),
  z.strictObject({
    method: z.literal("lora"),
    model: ModelIdentity,
    lora: LoraSettings,
    train: TrainSettings.extend({ encoder_cache: EncoderCacheMode }),
    ...common,
  }),
  z.strictObject({
    method: z.literal("cnn-lstm"),
    model: ModelIdentity,
    train: TrainSettings,
    ...common,
  }),
  z.strictObject({ method: z.literal("untuned"), model: ModelIdentity, ...common }),
  z.strictObject({ method: z.literal("constant"), ...common }),
]);
export type Recipe = z.infer<typeof Recipe>;
export type Method = Recipe["method"];

/** A value of a swept parameter as shown to people, keyed by its path in the sweep file. */
export const TrialParams = z.record(
  z.string(),
  z.union([z.string(), z.number(), z.boolean(), z.array(z.union([z.string(), z.number()]))]),
);
export type TrialParams = z.infer<typeof TrialParams>;

export const TRIAL_ID = /^t[0-9a-f]{12}$/;

/** `trials/<id>/spec.json`: one point of a sweep, and where a worker finds what it needs. */
export const TrialSpec = z.strictObject({
  version: z.literal(1),
  id: z.string().regex(TRIAL_ID),
  sweep: z.string().min(1),
  arm: z.string().min(1),
  seed: z.number().int().min(0),
  /** The values of this trial's swept parameters. */
  params: TrialParams,
  recipe: Recipe,
  /** Absolute paths on the machine that trains; no part of the identity. */
  paths: z.strictObject({ model: z.string().nullable(), dataset: z.string() }),
  /** How the trial is run; changes no result. */
  settings: z.strictObject({
    checkpoint_every_seconds: positive,
    /** Images that may be missing or unreadable before the trial fails. */
    max_bad_images: z.number().int().min(0),
  }),
});
export type TrialSpec = z.infer<typeof TrialSpec>;

/** What of a spec shows and ranks a trial, without how it is trained. */
export const SpecOutline = z.object({
  id: z.string(),
  arm: z.string(),
  seed: z.number(),
  params: TrialParams,
  method: z.enum(["full", "lora", "cnn-lstm", "untuned", "constant"]),
  /** That it trains for; 0 for a baseline. */
  epochs: z.number(),
});
export type SpecOutline = z.infer<typeof SpecOutline>;
