import { z } from "zod";

export const EngineInfo = z.strictObject({
  engine: z.enum(["native", "wasm", "cpu"]),
  /** Version of the TensorFlow library, or null for an engine without one. */
  tensorflow: z.string().nullable(),
  device: z.string(),
  /** Folder of the TensorFlow libraries, or null. */
  library: z.string().nullable(),
  threads: z.number().int().positive(),
});
/** What `qsweep engine info --json` prints, and what each attempt records. */
export type EngineInfo = z.infer<typeof EngineInfo>;

export const Metrics = z.strictObject({ cider: z.number() });
export type Metrics = z.infer<typeof Metrics>;

const timed = { time: z.iso.datetime() };
const count = z.number().int().min(0);

/**
 * One line of `attempts/<n>/events.jsonl`. The trainer is the only writer; a torn last line is
 * ignored by readers. `step` counts optimiser steps over the whole trial, from 1.
 */
export const TrialEvent = z.discriminatedUnion("type", [
  z.strictObject({
    type: z.literal("started"),
    ...timed,
    engine: EngineInfo,
    epochs: count,
    steps: count,
    images: z.record(z.string(), count),
    /** The checkpoint this attempt continues from, relative to the trial directory. */
    resumed_from: z.string().nullable(),
    step: count,
  }),
  z.strictObject({
    type: z.literal("image-skipped"),
    ...timed,
    file: z.string(),
    problem: z.string(),
  }),
  /** The images of all splits are being encoded for the encoder cache, by this trial or others. */
  z.strictObject({
    type: z.literal("encoding"),
    ...timed,
    done: count,
    images: count,
    /** That are there for any later attempt, whatever becomes of this one. */
    stored: count,
  }),
  /** How the encoder cache is used from now on. */
  z.strictObject({
    type: z.literal("encoded"),
    ...timed,
    images: count,
    stored: count,
    /** That this trial encoded, over its attempts so far. */
    encoded: count,
    /** To read one image's features, and to encode it instead. */
    read_seconds: z.number().nullable(),
    encode_seconds: z.number(),
    /** Null if features are read; otherwise why images are encoded each time. */
    unused: z.string().nullable(),
  }),
  z.strictObject({
    type: z.literal("feature-damaged"),
    ...timed,
    problem: z.string(),
  }),
  z.strictObject({
    type: z.literal("checkpoint-refused"),
    ...timed,
    path: z.string(),
    problem: z.string(),
  }),
  z.strictObject({
    type: z.literal("step"),
    ...timed,
    epoch: count,
    step: count,
    loss: z.number(),
    lr: z.number(),
    step_seconds: z.number(),
  }),
  z.strictObject({
    type: z.literal("validating"),
    ...timed,
    epoch: count,
    step: count,
    done: count,
    images: count,
  }),
  z.strictObject({
    type: z.literal("validated"),
    ...timed,
    epoch: count,
    step: count,
    /** Mean training loss over the epoch. */
    loss: z.number().nullable(),
    metrics: Metrics,
    images: count,
  }),
  z.strictObject({
    type: z.literal("checkpoint"),
    ...timed,
    epoch: count,
    step: count,
    path: z.string(),
    bytes: count,
    seconds: z.number(),
  }),
]);
export type TrialEvent = z.infer<typeof TrialEvent>;
