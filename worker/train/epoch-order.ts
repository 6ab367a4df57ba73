import type { TrainSettings } from "../contract/trial-spec.ts";
import { CounterRandom } from "./counter-random.ts";

/** One training example: indices into the images, and into that image's captions. */
export interface Example {
  image: number;
  caption: number;
}

export interface EpochOrderOptions {
  /** How many captions each image has. An image without captions gives no example. */
  captionCounts: readonly number[];
  /** `all`: every image-caption pair; `one`: one caption an image, drawn anew each epoch. */
  captions: TrainSettings["captions"];
  seed: number;
  /** From 0. */
  epoch: number;
}

/**
 * The examples of an epoch in training order: a uniform permutation (Fisher-Yates, from the end)
 * that depends on the arguments only, so that an epoch can be resumed at any step.
 */
export function epochOrder({ captionCounts, captions, seed, epoch }: EpochOrderOptions): Example[] {
  const draw = new CounterRandom(`caption/${seed}/${epoch}`);
  const examples = captionCounts.flatMap((count, image) => {
    if (count === 0) return [];
    if (captions === "one") return [{ image, caption: draw.below(count) }];
    return Array.from({ length: count }, (_, caption) => ({ image, caption }));
  });
  return shuffled(examples, new CounterRandom(`order/${seed}/${epoch}`));
}

/** Batches of an epoch. The last one may be smaller: it is trained on, not dropped. */
export function stepsPerEpoch(captionCounts: readonly number[], settings: BatchSettings): number {
  return Math.ceil(examplesPerEpoch(captionCounts, settings) / settings.batch_size);
}

/** Rows of every batch, of the last one too, which may have fewer examples. */
export function rowsPerBatch(captionCounts: readonly number[], settings: BatchSettings): number {
  return Math.min(settings.batch_size, examplesPerEpoch(captionCounts, settings));
}

type BatchSettings = Pick<TrainSettings, "captions" | "batch_size">;

function examplesPerEpoch(counts: readonly number[], { captions }: BatchSettings): number {
  const used = counts.map((count) => (captions === "all" ? count : Math.min(count, 1)));
  return used.reduce((sum, count) => sum + count, 0);
}

/** The dropout seed of an optimiser step (from 0 over the whole trial): an integer in [0, 2^31). */
export function dropoutSeed(seed: number, step: number): number {
  return new CounterRandom(`dropout/${seed}/${step}`).below(2 ** 31);
}

function shuffled<T>(items: readonly T[], random: CounterRandom): T[] {
  const result = [...items];
  for (let last = result.length - 1; last > 0; last -= 1) {
    const chosen = random.below(last + 1);
    [result[last], result[chosen]] = [result[chosen]!, result[last]!];
  }
  return result;
}
