import { Failure } from "../contract/failure.ts";
import type { DatasetIdentity, Recipe } from "../contract/trial-spec.ts";
import { readSplit, type SplitImage } from "../data/caption-dataset.ts";
import { ImageStore } from "../data/image-store.ts";
import type { Preprocessor } from "../data/image-transform.ts";
import { datasetDigest } from "../files/dataset-digest.ts";
import { modelDigest } from "../files/model-digest.ts";
import type { AttemptContext } from "./attempt-context.ts";
import { unlessStopped } from "./attempt-control.ts";
import { type ImageSource, pixelSource } from "./image-source.ts";

type ModelRecipe = Exclude<Recipe, { method: "constant" }>;

/** The split that trials train on. */
export const TRAINING_SPLIT = "train";

/**
 * The captioned images of a split; of the objective's split those that validation looks at. Throws
 * Failure `data-missing`, and `data-invalid` where no captions are left.
 */
export async function splitImages(
  context: AttemptContext,
  split: string,
): Promise<readonly SplitImage[]> {
  const { recipe, paths } = context.spec;
  const { precanned, rejected } = recipe.dataset;
  const { images } = await readSplit({ root: paths.dataset, split, precanned, rejected });
  const captioned = images.filter(({ captions }) => captions.length > 0);
  if (captioned.length > 0) return captioned;
  throw new Failure({
    reason: "data-invalid",
    message: `split ${split} of ${paths.dataset} has no captions`,
    remedy: "name a split with captions, or keep its precanned or rejected ones",
  });
}

/** The images that a recipe validates on: all, or the first ones by id. */
export async function validationImages(context: AttemptContext): Promise<readonly SplitImage[]> {
  const { objective, validate } = context.spec.recipe;
  const images = await splitImages(context, objective.split);
  return validate.images === "all" ? images : images.slice(0, validate.images);
}

/**
 * Opens images, which can take minutes; each bad one is an event. Throws Failure `data-invalid`
 * beyond the trial's limit, and `AttemptStopped`.
 */
export async function openImages(
  { spec, log, control }: AttemptContext,
  images: readonly SplitImage[],
  preprocessor: Preprocessor,
): Promise<ImageSource> {
  const opening = ImageStore.open({
    images,
    preprocessor,
    maxBadImages: spec.settings.max_bad_images,
    onBadImage: ({ file, problem }) => log.write({ type: "image-skipped", file, problem }),
  });
  const store = await unlessStopped(control, opening);
  return pixelSource(store, preprocessor);
}

/**
 * The folder of the trial's model. Throws Failure `model-invalid` if it is not the one the sweep
 * was launched with: the trial's id would then name a result of something else.
 */
export async function checkedModelDirectory(
  { paths }: AttemptContext["spec"],
  { digest, init }: ModelRecipe["model"],
): Promise<string> {
  const directory = paths.model;
  if (directory === null) throw new Error("a trial with a model has no model path");
  if ((await modelDigest({ directory, init })) === digest) return directory;
  throw new Failure({
    reason: "model-invalid",
    message: `the model in ${directory} has changed since the sweep was launched`,
    remedy: "launch the sweep again, or put the former files back",
  });
}

/**
 * Throws Failure `data-invalid` if a split's captions are not those the sweep was launched with.
 */
export async function checkDataset(root: string, { annotations }: DatasetIdentity): Promise<void> {
  const digests = await datasetDigest({ root, splits: Object.keys(annotations) });
  for (const [split, digest] of Object.entries(annotations)) {
    if (digests[split] === digest) continue;
    throw new Failure({
      reason: "data-invalid",
      message: `the captions of split ${split} in ${root} have changed since the sweep was launched`,
      remedy: "launch the sweep again, or put the former file back",
    });
  }
}

/** Images used by split, for the started event and the result. */
export function imageCounts(
  { objective }: Recipe,
  counts: { training?: number; validation: number },
): Record<string, number> {
  const training = counts.training === undefined ? {} : { [TRAINING_SPLIT]: counts.training };
  return { ...training, [objective.split]: counts.validation };
}
