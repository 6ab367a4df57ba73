import { readFile } from "node:fs/promises";
import path from "node:path";
import type { Recipe } from "../contract/trial-spec.ts";
import { CaptionTokenizer } from "../data/caption-tokenizer.ts";
import { readPreprocessor } from "../data/image-transform.ts";
import { CaptionSearcher } from "../model/caption-searcher.ts";
import type { Captioner } from "../model/captioner.ts";
import { openCaptioner } from "../model/open-captioner.ts";
import { initAdamW } from "./adamw.ts";
import { type AttemptContext, type Conclusion, trialResult } from "./attempt-context.ts";
import { captionBatch } from "./caption-batch.ts";
import { CheckpointKeeper, PREDICTIONS, type TrainingProgress } from "./checkpoint-keeper.ts";
import { type FoundCheckpoint, newestCheckpoint } from "./checkpoint-search.ts";
import { rowsPerBatch, stepsPerEpoch } from "./epoch-order.ts";
import { evaluate, referenceScorer } from "./evaluate.ts";
import { openRunner } from "../tensor/open-runner.ts";
import { openEncodedSplits } from "./encoded-images.ts";
import type { ImageSource } from "./image-source.ts";
import { type Learner, openLearner } from "./learner.ts";
import { loadOptimizerState } from "./optimizer-state.ts";
import { TrainingRun } from "./training-run.ts";
import {
  checkedModelDirectory,
  imageCounts,
  openImages,
  splitImages,
  TRAINING_SPLIT,
  validationImages,
} from "./trial-inputs.ts";

type TunedRecipe = Extract<Recipe, { method: "full" | "lora" | "cnn-lstm" }>;

const UNTOUCHED: TrainingProgress = {
  step: 0,
  epoch: 0,
  step_in_epoch: 0,
  loss_sum: 0,
  epochs: [],
  best: null,
};

interface Inputs {
  directory: string;
  tokenizer: CaptionTokenizer;
  training: ImageSource;
  validation: ImageSource;
  badImages: number;
}

/** The images as they are trained on. */
interface Splits extends Pick<Inputs, "training" | "validation"> {
  /** Images that this trial encoded for the encoder cache; null where that is not used. */
  encodedImages: () => number | null;
  close: () => void;
}

/**
 * Trains a model or adapter to the end of its recipe, from the newest checkpoint if there is one.
 */
export async function fineTune(context: AttemptContext, recipe: TunedRecipe): Promise<Conclusion> {
  const { trialDirectory, spec, log } = context;
  const found = await newestCheckpoint({
    trialDirectory,
    trial: spec.id,
    refused: (checkpoint, problem) =>
      log.write({ type: "checkpoint-refused", path: checkpoint, problem }),
  });
  context.reached(found?.manifest.step ?? 0);
  const inputs = await openInputs(context, recipe);
  const captioner = await openCaptioner({
    directory: inputs.directory,
    init: recipe.model.init,
    seed: recipe.seed,
    method: recipe.method,
    ...(recipe.method === "lora" ? { lora: recipe.lora } : {}),
    ...(found === null ? {} : { trainedFrom: found.directory }),
  });
  let learner: Learner | undefined;
  let splits: Splits | undefined;
  const runner = openRunner(captioner);
  try {
    const state =
      found === null
        ? initAdamW(captioner.parameters)
        : await loadOptimizerState(found.directory, captioner.parameters);
    const { optimizer: settings, accumulate } = recipe.train;
    learner = openLearner({ trainable: captioner, state, settings, accumulate });
    splits = await openSplits({ context, recipe, inputs, captioner });
    const searcher = new CaptionSearcher(captioner, runner);
    const run = openRun({ context, recipe, inputs, splits, captioner, searcher, learner, found });
    await run.run();
    return await conclusion(context, inputs, run.progress, splits);
  } finally {
    splits?.close();
    runner.dispose();
    learner?.dispose();
    captioner.dispose();
  }
}

async function openInputs(context: AttemptContext, recipe: TunedRecipe): Promise<Inputs> {
  const directory = await checkedModelDirectory(context.spec, recipe.model);
  const tokenizer = await CaptionTokenizer.load(directory);
  const preprocessor = await readPreprocessor(directory);
  const trainingImages = await splitImages(context, TRAINING_SPLIT);
  const validated = await validationImages(context);
  const training = await openImages(context, trainingImages, preprocessor);
  const validation = await openImages(context, validated, preprocessor);
  const asked = trainingImages.length + validated.length;
  const badImages = asked - training.images.length - validation.images.length;
  return { directory, tokenizer, training, validation, badImages };
}

/** Where nothing before the encoder's outputs is trained or drawn, these are computed once. */
async function openSplits(options: {
  context: AttemptContext;
  recipe: TunedRecipe;
  inputs: Inputs;
  captioner: Captioner;
}): Promise<Splits> {
  const { context, recipe, inputs, captioner } = options;
  const { training, validation } = inputs;
  const plain = { training, validation, encodedImages: () => null, close: () => {} };
  const shape = captioner.constantStates;
  if (recipe.method !== "lora" || shape === null) return plain;
  const { encoder_cache: precision } = recipe.train;
  if (precision === "off") return plain;
  return openEncodedSplits({ context, recipe, precision, captioner, shape, ...plain });
}

function openRun(options: {
  context: AttemptContext;
  recipe: TunedRecipe;
  inputs: Inputs;
  splits: Splits;
  captioner: Captioner;
  searcher: CaptionSearcher;
  learner: Learner;
  found: FoundCheckpoint | null;
}): TrainingRun {
  const { context, recipe, inputs, splits, captioner, searcher, learner, found } = options;
  const { control, clock, log, reached } = context;
  const { tokenizer } = inputs;
  const { training, validation } = splits;
  const { train: settings, decode, validate, seed } = recipe;
  const captionCounts = training.images.map(({ captions }) => captions.length);
  const steps = stepsPerEpoch(captionCounts, settings);
  const batchRows = rowsPerBatch(captionCounts, settings);
  const progress = found?.manifest ?? UNTOUCHED;
  log.write({
    type: "started",
    engine: context.engine,
    epochs: settings.epochs,
    steps: settings.epochs * steps,
    images: countImages(recipe, inputs),
    resumed_from: found?.path ?? null,
    step: progress.step,
  });
  const keeper = openKeeper({ context, captioner, stepsPerEpoch: steps });
  if (found !== null) keeper.resumedFrom(progress);
  const scorer = referenceScorer(validation.images);
  return new TrainingRun({
    settings,
    validate,
    seed,
    learner,
    captionCounts,
    makeBatch: (examples) =>
      captionBatch({ source: training, tokenizer, settings, examples, rows: batchRows }),
    prefetch: (examples) => training.prefetch(examples.map(({ image }) => image)),
    evaluate: (onProgress) =>
      evaluate({ searcher, source: validation, tokenizer, decode, scorer, onProgress }),
    keeper,
    control,
    clock,
    log,
    progress: progressOf(progress),
    reached,
  });
}

function openKeeper(options: {
  context: AttemptContext;
  captioner: Captioner;
  stepsPerEpoch: number;
}): CheckpointKeeper {
  const { context, captioner } = options;
  const { spec, trialDirectory, attempt, engine, clock, log } = context;
  return new CheckpointKeeper({
    trialDirectory,
    trial: spec.id,
    attempt,
    engine,
    everySeconds: spec.settings.checkpoint_every_seconds,
    stepsPerEpoch: options.stepsPerEpoch,
    clock,
    log,
    saveWeights: (directory) => captioner.save(directory),
  });
}

/** The best epoch as the trial's result, its captions read back from beside its weights. */
async function conclusion(
  context: AttemptContext,
  inputs: Inputs,
  progress: TrainingProgress,
  splits: Splits,
): Promise<Conclusion> {
  const { best, epochs, step } = progress;
  if (best === null) throw new Error("a finished run validated no epoch");
  const { recipe } = context.spec;
  const encoded = splits.encodedImages();
  const file = path.join(context.trialDirectory, best.path, PREDICTIONS);
  const predictions = await readFile(file, "utf8");
  const result = trialResult(context, {
    metrics: best.metrics,
    best: { epoch: best.epoch, step: best.step, checkpoint: best.path },
    epochs,
    steps: step,
    images: countImages(recipe, inputs),
    bad_images: inputs.badImages,
    ...(encoded !== null && { encoded_images: encoded }),
  });
  return { result, predictions };
}

function countImages(recipe: Recipe, { training, validation }: Inputs): Record<string, number> {
  return imageCounts(recipe, {
    training: training.images.length,
    validation: validation.images.length,
  });
}

function progressOf(source: TrainingProgress): TrainingProgress {
  const { step, epoch, step_in_epoch, loss_sum, epochs, best } = source;
  return { step, epoch, step_in_epoch, loss_sum, epochs, best };
}
