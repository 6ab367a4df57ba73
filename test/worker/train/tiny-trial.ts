import { cp, mkdir, mkdtemp, readFile, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import path from "node:path";
import sharp from "sharp";
import type { FeatureSettings } from "../../../worker/contract/feature-files.ts";
import { TrialEvent } from "../../../worker/contract/trial-event.ts";
import {
  AttemptExit,
  CheckpointManifest,
  TrialResult,
} from "../../../worker/contract/trial-files.ts";
import type {
  EncoderCacheMode,
  Recipe,
  TrainSettings,
  TrialSpec,
} from "../../../worker/contract/trial-spec.ts";
import type { FallbackEngine } from "../../../worker/engine/engine-state.ts";
import { datasetDigest } from "../../../worker/files/dataset-digest.ts";
import { modelDigest } from "../../../worker/files/model-digest.ts";
import { attemptPaths } from "../../../worker/files/trial-directory.ts";
import { loadEngine } from "../../../worker/tensor/backend.ts";
import type { AttemptClock, StopReason } from "../../../worker/train/attempt-control.ts";
import { runAttempt } from "../../../worker/train/run-trial.ts";

const MODEL = path.resolve("test/fixtures/reference/tiny-blip-trained");
const DROPOUT = 0.1;
const COLOURS = ["red", "green", "blue", "yellow", "black", "white"] as const;

/** Seven pairs: with a batch size of 3 an epoch has three steps, the last of one example. */
const TRAINING_CAPTIONS = [2, 1, 1, 0, 2, 1];
const VALIDATION_IMAGES = 20;

/** A small data set and model in a temporary folder, which `dispose` deletes. */
export interface TinySetting {
  root: string;
  model: string;
  dataset: string;
  dispose: () => Promise<void>;
}

/** The tiny reference model with dropout switched on, and pictures of one colour each. */
export async function makeTinySetting(): Promise<TinySetting> {
  const root = await mkdtemp(path.join(tmpdir(), "qsweep-train-"));
  const model = path.join(root, "model");
  const dataset = path.join(root, "data");
  await cp(MODEL, model, { recursive: true });
  const config = JSON.parse(await readFile(path.join(model, "config.json"), "utf8"));
  Object.assign(config.text_config, {
    hidden_dropout_prob: DROPOUT,
    attention_probs_dropout_prob: DROPOUT,
  });
  await writeFile(path.join(model, "config.json"), JSON.stringify(config));
  await writeSplit(dataset, "train", TRAINING_CAPTIONS);
  await writeSplit(
    dataset,
    "val",
    Array.from({ length: VALIDATION_IMAGES }, () => 2),
  );
  return { root, model, dataset, dispose: () => rm(root, { recursive: true, force: true }) };
}

async function writeSplit(dataset: string, split: string, captionCounts: number[]): Promise<void> {
  await mkdir(path.join(dataset, "annotations"), { recursive: true });
  await mkdir(path.join(dataset, split), { recursive: true });
  const images = [];
  const annotations = [];
  for (const [id, count] of captionCounts.entries()) {
    const colour = COLOURS[id % COLOURS.length]!;
    const file_name = `${split}_${id}.png`;
    images.push({ id, file_name });
    await sharp({ create: { width: 20 + id, height: 30, channels: 3, background: colour } })
      .png()
      .toFile(path.join(dataset, split, file_name));
    for (let index = 0; index < count; index += 1) {
      const caption =
        index === 0 ? `a picture of a ${colour} bar on white` : `a ${colour} bar on a wide wall`;
      annotations.push({
        id: annotations.length,
        image_id: id,
        caption,
        is_precanned: false,
        is_rejected: false,
      });
    }
  }
  const file = path.join(dataset, "annotations", `${split}.json`);
  await writeFile(file, JSON.stringify({ images, annotations }));
}

export interface SpecChanges {
  /** Of a LoRA trial. */
  targets?: string[];
  train?: Partial<TrainSettings>;
  /** Off unless given. */
  encoderCache?: EncoderCacheMode;
  checkpointEverySeconds?: number;
  validate?: Recipe["validate"];
  model?: string;
}

/** Two epochs on the setting's data, validated after each. */
export async function tinySpec(
  setting: TinySetting,
  method: Recipe["method"],
  changes: SpecChanges = {},
): Promise<TrialSpec> {
  const directory = changes.model ?? setting.model;
  const model = {
    digest: await modelDigest({ directory, init: "pretrained" }),
    init: "pretrained" as const,
  };
  const annotations = await datasetDigest({ root: setting.dataset, splits: ["train", "val"] });
  const common = {
    decode: { num_beams: 1, max_new_tokens: 12 },
    objective: { metric: "cider" as const, split: "val", mode: "max" as const },
    validate: changes.validate ?? { every_epochs: 1, images: "all" as const },
    dataset: {
      format: "vizwiz" as const,
      precanned: "drop" as const,
      rejected: "drop" as const,
      annotations,
    },
    seed: 5,
  };
  const train: TrainSettings = {
    epochs: 2,
    batch_size: 3,
    accumulate: 1,
    captions: "all",
    max_length: 16,
    labels: "pads_counted",
    lr: 1e-3,
    optimizer: { name: "adamw", betas: [0.9, 0.999], eps: 1e-8, weight_decay: 0.01 },
    schedule: "linear",
    precision: "float32",
    ...changes.train,
  };
  const encoder_cache = changes.encoderCache ?? "off";
  const lora = {
    r: 4,
    alpha: 16,
    dropout: DROPOUT,
    target_modules: changes.targets ?? ["query", "value"],
  };
  const recipes: Record<Recipe["method"], Recipe> = {
    full: { method: "full", model, train, ...common },
    lora: { method: "lora", model, train: { ...train, encoder_cache }, lora, ...common },
    "cnn-lstm": { method: "cnn-lstm", model, train, ...common },
    untuned: { method: "untuned", model, ...common },
    constant: { method: "constant", ...common },
  };
  return {
    version: 1,
    id: "t0123456789ab",
    sweep: "tiny",
    arm: method,
    seed: 5,
    params: {},
    recipe: recipes[method],
    paths: { model: directory, dataset: setting.dataset },
    settings: {
      checkpoint_every_seconds: changes.checkpointEverySeconds ?? 1e9,
      max_bad_images: 0,
    },
  };
}

/** An empty trial directory below the setting's. */
export function newTrialDirectory({ root }: TinySetting): Promise<string> {
  return mkdtemp(path.join(root, "trial-"));
}

export interface TinyAttempt {
  trialDirectory: string;
  attempt: number;
  /** Left out, the installed engine. */
  engine?: FallbackEngine;
  /** Asked after each event; the reason it first gives stays. */
  stopAfter?: (event: TrialEvent) => StopReason | null;
  onEvent?: (event: TrialEvent) => void;
  features?: FeatureSettings;
}

/** Runs an attempt in this process on a clock that moves one second each time it is read. */
export async function runTinyAttempt(
  spec: TrialSpec,
  { trialDirectory, attempt, engine, stopAfter, onEvent, features }: TinyAttempt,
): Promise<AttemptExit> {
  let asked: StopReason | null = null;
  return runAttempt({
    spec,
    trialDirectory,
    attempt,
    control: { requested: () => asked },
    emit: (event) => {
      onEvent?.(event);
      asked ??= stopAfter?.(event) ?? null;
    },
    engine: () => loadEngine({ threads: 1, ...(engine && { engine }) }),
    ...(features && { features }),
    crashed: (error) =>
      process.stderr.write(`${error instanceof Error ? error.stack : String(error)}\n`),
    clock: tickingClock(),
  });
}

function tickingClock(): AttemptClock {
  let seconds = 0;
  return {
    monotonicSeconds: () => (seconds += 1),
    now: () => new Date(1_700_000_000_000 + seconds * 1000),
  };
}

/** An attempt's events as its file holds them, each checked against the contract. */
export async function readEvents(trialDirectory: string, attempt: number): Promise<TrialEvent[]> {
  const text = await readFile(attemptPaths(trialDirectory, attempt).events, "utf8");
  return text
    .trimEnd()
    .split("\n")
    .map((line) => TrialEvent.parse(JSON.parse(line)));
}

export async function readResult(trialDirectory: string, attempt: number): Promise<TrialResult> {
  const text = await readFile(attemptPaths(trialDirectory, attempt).result, "utf8");
  return TrialResult.parse(JSON.parse(text));
}

export async function readExit(trialDirectory: string, attempt: number): Promise<AttemptExit> {
  const text = await readFile(attemptPaths(trialDirectory, attempt).exit, "utf8");
  return AttemptExit.parse(JSON.parse(text));
}

/** The manifest of an attempt's checkpoint. */
export async function manifestOf(
  trialDirectory: string,
  attempt: number,
  name: string,
): Promise<CheckpointManifest> {
  const { checkpoints } = attemptPaths(trialDirectory, attempt);
  const text = await readFile(path.join(checkpoints, name, "manifest.json"), "utf8");
  return CheckpointManifest.parse(JSON.parse(text));
}

interface TrialEnd extends Pick<TrialResult, "epochs" | "metrics"> {
  best: { epoch: number; step: number };
  /** By step; steps that no event was written for are missing. */
  losses: Record<number, number>;
  /** Sizes and digests of weights and optimiser state. */
  files: CheckpointManifest["files"];
  step: number;
  predictions: string;
}

/** Everything that has to be equal, bit for bit, however often a trial was stopped. */
export async function endOf(trialDirectory: string, attempts: number[]): Promise<TrialEnd> {
  const last = attempts.at(-1)!;
  const { epochs, metrics, best, steps } = await readResult(trialDirectory, last);
  const { files, ...manifest } = await manifestOf(trialDirectory, last, `step-${steps}`);
  const events = await Promise.all(attempts.map((number) => readEvents(trialDirectory, number)));
  const losses: Record<number, number> = {};
  for (const event of events.flat()) if (event.type === "step") losses[event.step] = event.loss;
  return {
    epochs,
    metrics,
    best: { epoch: best.epoch, step: best.step },
    losses,
    files,
    step: manifest.step,
    predictions: await readFile(attemptPaths(trialDirectory, last).predictions, "utf8"),
  };
}
