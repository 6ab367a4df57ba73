import type { FeatureUser } from "../contract/feature-files.ts";
import { type FeaturePaths, partialFile, shardFile } from "../files/feature-directory.ts";
import { CannotStore, storing } from "./cannot-store.ts";
import {
  type ChunkClaims,
  type FeatureClock,
  type HeldClaim,
  partialsOf,
  removeClaims,
} from "./chunk-claim.ts";
import { bytesOfRow, chunkName, chunksOf, firstChunk, shardBytes } from "./feature-layout.ts";
import { rowBytes } from "./feature-row.ts";
import type { FeatureSpace } from "./feature-space.ts";
import { LeftRows } from "./left-rows.ts";
import type { FeatureFormat } from "./shard-file.ts";
import type { ShardIndex } from "./shard-index.ts";
import { ShardWriter } from "./shard-writer.ts";

const POLL_SECONDS = 0.5;
/** So often what is being written may be removed or superseded before we write no more. */
const MAX_LOSSES = 8;

/** What `encodeMissing` asks of its caller. */
export interface FillHooks {
  /** How many images are encoded at a time. */
  atOnce: number;
  /** The features of images, at most `atOnce`: each [positions × channels] in row-major order. */
  encode(ids: readonly string[]): Promise<Float32Array[]>;
  /** Throws to stop; called before each `encode`, and at least twice a second while waiting. */
  stopped(): void;
  /** How many of the images are settled, which never goes back. */
  onImage(done: number, total: number): void;
}

/** What became of the images: the three counts are of different ones and make up all. */
export interface FillOutcome {
  /** Encoded and stored by this call. */
  encoded: number;
  /** Stored before, or by others meanwhile. */
  read: number;
  /** Not stored. */
  withoutRoom: number;
  /** Why they are not, as one line; null if all are stored. */
  problem: string | null;
}

export interface ChunkFillerOptions {
  paths: FeaturePaths;
  format: FeatureFormat;
  maker: FeatureUser;
  index: ShardIndex;
  claims: ChunkClaims;
  space: FeatureSpace;
  clock: FeatureClock;
  /** Makes the key's directory, with what stands beside the shards. */
  prepare: () => void;
}

type Settled = "stored" | "refused" | "pending";

/** One call of `encodeMissing`. */
export class ChunkFiller {
  readonly #options: ChunkFillerOptions;
  readonly #hooks: FillHooks;
  readonly #ids: readonly string[];
  readonly #encoded = new Set<string>();
  #done = 0;
  #losses = 0;
  #problem: string | null = null;

  constructor(options: ChunkFillerOptions, ids: readonly string[], hooks: FillHooks) {
    this.#options = options;
    this.#hooks = hooks;
    this.#ids = [...new Set(ids)];
  }

  /** Goes round the chunks until each is stored or refused; what others are at comes last. */
  async run(): Promise<FillOutcome> {
    const { format, maker, clock, index } = this.#options;
    const chunks = chunksOf(this.#ids, bytesOfRow(format.shape, format.precision));
    const first = firstChunk(maker.trial, chunks.length);
    let pending = [...chunks.slice(first), ...chunks.slice(0, first)];
    let settledImages = 0;
    await index.refresh();
    while (pending.length > 0) {
      const left: string[][] = [];
      for (const chunk of pending) {
        this.#hooks.stopped();
        const settled = await this.#settle(chunk, settledImages);
        if (settled === "pending") left.push(chunk);
        else settledImages += chunk.length;
        this.#report(settledImages);
      }
      if (left.length === pending.length) await clock.wait(POLL_SECONDS);
      pending = left;
    }
    const stored = this.#ids.filter((id) => index.has(id));
    const encoded = stored.filter((id) => this.#encoded.has(id)).length;
    const withoutRoom = this.#ids.length - stored.length;
    return { encoded, read: stored.length - encoded, withoutRoom, problem: this.#problem };
  }

  async #settle(chunk: readonly string[], settledImages: number): Promise<Settled> {
    const { index, claims } = this.#options;
    if (chunk.every((id) => index.has(id))) return "stored";
    await index.refresh();
    const missing = chunk.filter((id) => !index.has(id));
    if (missing.length === 0) return "stored";
    try {
      if (this.#problem === null) {
        return await this.#make(missing, settledImages + chunk.length - missing.length);
      }
      const isOthers = await storing(() => claims.isAnothers(chunkName(missing)));
      return isOthers ? "pending" : "refused";
    } catch (error) {
      if (!(error instanceof CannotStore)) throw error;
      this.#problem ??= error.message;
      return "refused";
    }
  }

  /** Makes a shard of these images, unless somebody else is at it. */
  async #make(ids: readonly string[], doneBefore: number): Promise<Settled> {
    const { claims, prepare, space, index, format } = this.#options;
    const bytes = shardBytes(ids.length, bytesOfRow(format.shape, format.precision));
    const claim = await storing(() => {
      prepare();
      return claims.take(chunkName(ids), bytes);
    });
    if (claim === null) return "pending";
    try {
      // Whoever had the claim before us may have published, and we have seen neither.
      await index.refresh();
      if (ids.some((id) => index.has(id))) return "pending";
      if (!(await storing(() => space.isEnough()))) {
        throw new CannotStore("features that may not be removed take all the room there is");
      }
      return await this.#write(claim, ids, doneBefore);
    } finally {
      claims.release(claim);
    }
  }

  async #write(claim: HeldClaim, ids: readonly string[], doneBefore: number): Promise<Settled> {
    const { paths, format, maker, clock, claims, index } = this.#options;
    const partial = partialFile(paths, claim.chunk, claim.claim.nonce);
    const files = await storing(() => partialsOf(paths, claim.chunk));
    const left = await LeftRows.find(files, format);
    const trials = [maker.trial, ...left.trials()];
    const writer = await storing(() => ShardWriter.create({ partial, format, ids, trials, clock }));
    const encoded: string[] = [];
    try {
      for (let first = 0; first < ids.length; first += this.#hooks.atOnce) {
        this.#hooks.stopped();
        if (!(await storing(() => claims.isHeld(claim)))) return this.#lose();
        const some = ids.slice(first, first + this.#hooks.atOnce);
        const found = await Promise.all(some.map((id) => left.read(id)));
        const missing = some.filter((_, place) => found[place] === null);
        const made = missing.length === 0 ? [] : await this.#hooks.encode(missing);
        for (const [place, row] of found.entries()) {
          const bytes = row?.bytes ?? this.#checkedRow(made.shift()!);
          await storing(() => writer.append(bytes, row?.trial ?? maker.trial));
          this.#report(doneBefore + first + place + 1);
        }
        encoded.push(...missing);
      }
      const shard = shardFile(paths, claim.chunk);
      const isPublished = await storing(() => writer.publish(shard, () => claims.isHeld(claim)));
      if (!isPublished) return this.#lose();
    } finally {
      await writer.discard();
    }
    for (const id of encoded) this.#encoded.add(id);
    await index.refresh();
    await storing(() => removeClaims(paths, claim.chunk));
    return "stored";
  }

  #checkedRow(values: Float32Array): Uint8Array {
    const { shape, precision } = this.#options.format;
    const [positions, channels] = shape;
    if (values.length === positions * channels) return rowBytes(values, precision);
    throw new Error(`features of ${shape.join(" × ")} have ${values.length} values`);
  }

  /** Another was faster, or what was written is gone: tried again, unless that goes on. */
  #lose(): Settled {
    this.#losses += 1;
    if (this.#losses < MAX_LOSSES) return "pending";
    throw new CannotStore("what is written is removed or superseded again and again");
  }

  #report(done: number): void {
    if (done <= this.#done) return;
    this.#done = done;
    this.#hooks.onImage(done, this.#ids.length);
  }
}
