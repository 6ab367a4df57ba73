import { existsSync } from "node:fs";
import { setTimeout as delay } from "node:timers/promises";
import type { FeatureIdentity, FeatureUser } from "../contract/feature-files.ts";
import { createFileDurably } from "../files/durable-write.ts";
import { featurePaths, listFeatures } from "../files/feature-directory.ts";
import { CannotStore, storing } from "./cannot-store.ts";
import { ChunkClaims, type FeatureClock, removeClaims } from "./chunk-claim.ts";
import {
  ChunkFiller,
  type ChunkFillerOptions,
  type FillHooks,
  type FillOutcome,
} from "./chunk-filler.ts";
import { featureKey, type FeatureShape } from "./feature-layout.ts";
import { rowValues, storedValues } from "./feature-row.ts";
import { FeatureSpace } from "./feature-space.ts";
import { markReader, unmarkReader } from "./feature-user.ts";
import { ShardIndex } from "./shard-index.ts";

export interface EncoderCacheOptions {
  /** `<root>/features`, on the file system that all machines of the site share. */
  directory: string;
  identity: FeatureIdentity;
  shape: FeatureShape;
  /** For the features of all keys together. */
  limitBytes: number;
  /**
   * Whoever is at a chunk and stores no image for so long is superseded. More than the first call
   * of `encode` takes, or its images are encoded twice.
   */
  patienceSeconds: number;
  reader: { trial: string; attempt: number; trialDirectory: string };
  /** Told of each damaged file, in one line; it is removed, and its images are absent. */
  onDamaged: (problem: string) => void;
  clock?: FeatureClock;
}

const systemClock: FeatureClock = {
  monotonicSeconds: () => performance.now() / 1000,
  wait: (seconds) => delay(seconds * 1000),
};

/**
 * Features of images: what a frozen encoder makes of them, kept for all trials of a site that ask
 * the same of the same encoder. Any of it may vanish at any time, and is then absent, never wrong.
 */
export class EncoderCache {
  readonly #filling: ChunkFillerOptions;

  private constructor(filling: ChunkFillerOptions) {
    this.#filling = filling;
  }

  /**
   * Reads what is there, and marks the reader, so that nobody removes it. Where nothing can be
   * written, features are read all the same.
   */
  static async open(options: EncoderCacheOptions): Promise<EncoderCache> {
    const { directory, identity, shape, limitBytes, patienceSeconds, onDamaged } = options;
    const { trial, attempt, trialDirectory } = options.reader;
    const clock = options.clock ?? systemClock;
    const format = { key: featureKey(identity), precision: identity.precision, shape };
    const paths = featurePaths(directory, format.key);
    const maker: FeatureUser = { trial, attempt, trial_directory: trialDirectory };
    const index = new ShardIndex({ paths, format, onDamaged });
    const prepare = (): void => {
      markReader(paths, maker);
      if (existsSync(paths.identity)) return;
      createFileDurably(
        paths.identity,
        `${JSON.stringify({ version: 1, ...identity }, null, 2)}\n`,
      );
    };
    await storing(() => {
      prepare();
      removeLeftClaims(paths);
    }).catch((error: unknown) => {
      if (!(error instanceof CannotStore)) throw error;
    });
    await index.refresh();
    const claims = new ChunkClaims({ paths, maker, patienceSeconds, clock });
    const space = new FeatureSpace({ features: directory, key: format.key, limitBytes });
    return new EncoderCache({ paths, format, maker, index, claims, space, clock, prepare });
  }

  /** Whether an image's features were there when that was looked at last. */
  has(id: string): boolean {
    return this.#filling.index.has(id);
  }

  /**
   * The features of an image, [positions × channels] in row-major order, as `round` makes them.
   * Null where they are absent or damaged. May be called many times at once.
   */
  async read(id: string): Promise<Float32Array | null> {
    const { index, format } = this.#filling;
    const bytes = await index.read(id);
    return bytes && rowValues(bytes, format.precision);
  }

  /**
   * Sees to it that the features of these images, named by the SHA-256 of their files, are stored,
   * as far as there is room: by this process, or by others at the same time. What the caller's
   * functions throw is thrown, after others were told that they may go on.
   */
  async encodeMissing(ids: readonly string[], hooks: FillHooks): Promise<FillOutcome> {
    return new ChunkFiller(this.#filling, ids, hooks).run();
  }

  /** What features become by being stored and read again. */
  round(values: Float32Array): Float32Array {
    return storedValues(values, this.#filling.format.precision);
  }

  /** How many images' features are there that this trial made, over all its attempts. */
  encodedBy(trial: string): number {
    return this.#filling.index.madeBy(trial);
  }

  /** Lets others remove the features. */
  close(): void {
    unmarkReader(this.#filling.paths, this.#filling.maker);
  }
}

/** Of chunks that have a shard: their maker was killed just after it was published. */
function removeLeftClaims(paths: ChunkFillerOptions["paths"]): void {
  const { shards, claims, partials } = listFeatures(paths);
  const made = new Set(shards);
  for (const chunk of new Set([...claims, ...partials].map((left) => left.chunk))) {
    if (made.has(chunk)) removeClaims(paths, chunk);
  }
}
