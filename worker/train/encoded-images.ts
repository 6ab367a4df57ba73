import path from "node:path";
import * as tf from "@tensorflow/tfjs-core";
import type { FeatureIdentity, FeaturePrecision } from "../contract/feature-files.ts";
import type { Recipe } from "../contract/trial-spec.ts";
import type { SplitImage } from "../data/caption-dataset.ts";
import { EncoderCache } from "../features/encoder-cache.ts";
import type { FeatureShape } from "../features/feature-layout.ts";
import { fileDigest } from "../files/file-digest.ts";
import type { Captioner } from "../model/captioner.ts";
import { openRunner } from "../tensor/open-runner.ts";
import type { AttemptContext } from "./attempt-context.ts";
import { AttemptStopped, eventLoopTurn, unlessStopped } from "./attempt-control.ts";
import { FrozenEncoder, type SourceImage } from "./frozen-encoder.ts";
import type { ImageSource } from "./image-source.ts";

type LoraRecipe = Extract<Recipe, { method: "lora" }>;

/** Files hashed at a time. */
const HASHES_AT_ONCE = 4;
/** Features read ahead, in images. */
const READS_AHEAD = 64;
/** Images that reading is timed on. */
const PROBES = 8;
const SECONDS_BETWEEN_EVENTS = 1;

/** The splits of a trial with their images encoded. */
export interface EncodedSplits {
  training: ImageSource;
  validation: ImageSource;
  /** Images that this trial encoded for the cache. */
  encodedImages: () => number;
  /** Lets others remove what was read. */
  close: () => void;
}

export interface EncodedSplitsOptions {
  context: AttemptContext;
  recipe: LoraRecipe;
  precision: FeaturePrecision;
  captioner: Captioner;
  shape: FeatureShape;
  training: ImageSource;
  validation: ImageSource;
}

/**
 * Sees to it that all images of a trial are in the encoder cache, as far as there is room, and that
 * its splits are read from there, if that takes less time than to encode them again. Throws
 * `AttemptStopped`; what was stored by then stays.
 */
export async function openEncodedSplits(options: EncodedSplitsOptions): Promise<EncodedSplits> {
  const { context, precision, captioner, shape } = options;
  const { clock, features, spec, attempt, log } = context;
  // Nothing that is trained stands before what the encoder makes.
  const runner = openRunner({ parameters: {} });
  const encoder = new FrozenEncoder({ captioner, runner, precision, clock });
  const training = await withIds(context, options.training);
  const validation = await withIds(context, options.validation);
  const cache =
    features &&
    (await EncoderCache.open({
      directory: features.directory,
      identity: identityOf(options),
      shape,
      limitBytes: features.limit_bytes,
      patienceSeconds: features.patience_seconds,
      reader: {
        trial: spec.id,
        attempt,
        trialDirectory: path.resolve(context.trialDirectory),
      },
      onDamaged: (problem) => log.write({ type: "feature-damaged", problem }),
    }));
  const splits = [training, validation];
  const close = (): void => {
    cache?.close();
    runner.dispose();
  };
  try {
    const isRead = cache !== null && (await isWorthReading({ context, cache, encoder, splits }));
    const source = (split: IdentifiedImages): ImageSource =>
      new EncodedSource({ split, shape, encoder, cache: isRead ? cache : null });
    return {
      training: source(training),
      validation: source(validation),
      encodedImages: () => cache?.encodedBy(spec.id) ?? 0,
      close,
    };
  } catch (error) {
    close();
    throw error;
  }
}

function identityOf({ context, recipe, precision }: EncodedSplitsOptions): FeatureIdentity {
  const { engine, tensorflow, device } = context.engine;
  const { digest: model, init } = recipe.model;
  const seed = init === "random" ? recipe.seed : null;
  return { model, init, seed, precision, engine, tensorflow, device };
}

/** Images as the cache knows them: by what is in their files. */
interface IdentifiedImages {
  source: ImageSource;
  ids: readonly string[];
}

async function withIds(
  { control }: AttemptContext,
  source: ImageSource,
): Promise<IdentifiedImages> {
  const ids: string[] = [];
  for (let first = 0; first < source.images.length; first += HASHES_AT_ONCE) {
    const files = source.images.slice(first, first + HASHES_AT_ONCE).map(({ file }) => file);
    ids.push(...(await unlessStopped(control, Promise.all(files.map(fileDigest)))));
  }
  return { source, ids };
}

interface Filling {
  context: AttemptContext;
  cache: EncoderCache;
  encoder: FrozenEncoder;
  splits: readonly IdentifiedImages[];
}

/** Fills the cache; answers whether reading from it is faster than encoding. */
async function isWorthReading(filling: Filling): Promise<boolean> {
  const { context, cache, encoder, splits } = filling;
  const { log, spec } = context;
  const places = placesOf(splits);
  const ids = [...places.keys()];
  const outcome = await fillCache(filling, places);
  const stored = ids.filter((id) => cache.has(id));
  const readSeconds = await secondsToRead(filling, stored);
  // Twice, as the first time may make a graph; of what is stored, to know that it can be made.
  for (let time = 0; time < 2 && encoder.seconds > (readSeconds ?? 0); time += 1) {
    await encoder.encode(ids.slice(0, encoder.atOnce).map((id) => places.get(id)!));
  }
  const isRead = readSeconds !== null && readSeconds < encoder.seconds;
  log.write({
    type: "encoded",
    images: ids.length,
    stored: stored.length,
    encoded: cache.encodedBy(spec.id),
    read_seconds: readSeconds,
    encode_seconds: encoder.seconds,
    unused: isRead ? null : (outcome.problem ?? "that is faster than reading them"),
  });
  return isRead;
}

/** Where each image is found, also one that stands in several files. */
function placesOf(splits: readonly IdentifiedImages[]): Map<string, SourceImage> {
  const places = new Map<string, SourceImage>();
  for (const { source, ids } of splits) {
    for (const [index, id] of ids.entries()) places.set(id, { source, index });
  }
  return places;
}

async function fillCache(
  { context, cache, encoder }: Filling,
  places: ReadonlyMap<string, SourceImage>,
) {
  const { control, clock, log } = context;
  const ids = [...places.keys()];
  let toldSeconds = -Infinity;
  return cache.encodeMissing(ids, {
    atOnce: encoder.atOnce,
    encode: async (some) => {
      await eventLoopTurn();
      return encoder.encode(some.map((id) => places.get(id)!));
    },
    stopped: () => {
      const why = control.requested();
      if (why !== null) throw new AttemptStopped(why);
    },
    onImage: (done, images) => {
      const now = clock.monotonicSeconds();
      if (done < images && now - toldSeconds < SECONDS_BETWEEN_EVENTS) return;
      toldSeconds = now;
      const stored = ids.filter((each) => cache.has(each)).length;
      log.write({ type: "encoding", done, images, stored });
    },
  });
}

/** The mean over a few images that are stored; null if there are none. */
async function secondsToRead(
  { cache, context: { clock } }: Filling,
  stored: readonly string[],
): Promise<number | null> {
  const step = Math.max(1, Math.floor(stored.length / PROBES));
  const probes = stored.filter((_, index) => index % step === 0).slice(0, PROBES);
  const began = clock.monotonicSeconds();
  for (const id of probes) await cache.read(id);
  return probes.length === 0 ? null : (clock.monotonicSeconds() - began) / probes.length;
}

interface EncodedSourceOptions {
  split: IdentifiedImages;
  shape: FeatureShape;
  encoder: FrozenEncoder;
  /** Null where images are encoded each time. */
  cache: EncoderCache | null;
}

/** Images as the encoder has them: read where they are stored, else encoded, to the same bits. */
class EncodedSource implements ImageSource {
  readonly images: readonly SplitImage[];
  readonly #options: EncodedSourceOptions;
  readonly #ahead = new Map<number, Promise<Float32Array | null>>();

  constructor(options: EncodedSourceOptions) {
    this.#options = options;
    this.images = options.split.source.images;
  }

  async input(indices: readonly number[]): Promise<{ imageStates: tf.Tensor }> {
    const [positions, channels] = this.#options.shape;
    const size = positions * channels;
    const values = new Float32Array(indices.length * size);
    const states = await this.#states([...new Set(indices)]);
    for (const [row, index] of indices.entries()) values.set(states.get(index)!, row * size);
    return { imageStates: tf.tensor3d(values, [indices.length, positions, channels]) };
  }

  prefetch(indices: readonly number[]): void {
    const { split, cache } = this.#options;
    if (cache === null) return split.source.prefetch(indices);
    for (const index of new Set(indices)) {
      if (this.#ahead.size >= READS_AHEAD) return;
      if (this.#ahead.has(index)) continue;
      const reading = cache.read(split.ids[index]!);
      // Its error belongs to whoever takes it.
      reading.catch(() => {});
      this.#ahead.set(index, reading);
    }
  }

  async #states(indices: readonly number[]): Promise<Map<number, Float32Array>> {
    const { split, encoder } = this.#options;
    const states = new Map<number, Float32Array>();
    for (const index of indices) {
      const found = await this.#stored(index);
      if (found !== null) states.set(index, found);
    }
    const missing = indices.filter((index) => !states.has(index));
    for (let first = 0; first < missing.length; first += encoder.atOnce) {
      const some = missing.slice(first, first + encoder.atOnce);
      const made = await encoder.encode(some.map((index) => ({ source: split.source, index })));
      for (const [place, index] of some.entries()) states.set(index, made[place]!);
    }
    return states;
  }

  async #stored(index: number): Promise<Float32Array | null> {
    const { split, cache } = this.#options;
    const reading = this.#ahead.get(index) ?? cache?.read(split.ids[index]!);
    this.#ahead.delete(index);
    return (await reading) ?? null;
  }
}
