import { errorCode } from "../files/error-code.ts";
import { type FeaturePaths, listFeatures, shardFile } from "../files/feature-directory.ts";
import { Gate } from "./gate.ts";
import {
  DamagedShard,
  type FeatureFormat,
  readRow,
  readShard,
  removeDamaged,
  type Shard,
} from "./shard-file.ts";

const FILES_OPEN = 16;

export interface ShardIndexOptions {
  paths: FeaturePaths;
  format: FeatureFormat;
  /** Told of each damaged shard, which is removed, in one line. */
  onDamaged: (problem: string) => void;
}

interface Place {
  chunk: string;
  row: number;
}

/** Which shard holds the features of which image, as far as the directory was read. */
export class ShardIndex {
  readonly #options: ShardIndexOptions;
  readonly #gate = new Gate(FILES_OPEN);
  readonly #shards = new Map<string, Shard>();
  /** By image. Of two shards with the same image all readers take the one whose name is lower. */
  readonly #places = new Map<string, Place[]>();
  readonly #taking = new Map<string, Promise<void>>();

  constructor(options: ShardIndexOptions) {
    this.#options = options;
  }

  has(id: string): boolean {
    return this.#places.has(id);
  }

  /** How many images' features this trial made, over all its attempts. */
  madeBy(trial: string): number {
    return [...this.#places.values()].filter(([place]) => {
      const { chunk, row } = place!;
      return this.#shards.get(chunk)?.header.rows[row]?.trial === trial;
    }).length;
  }

  /** Takes in what was published since, and forgets what is gone. */
  async refresh(): Promise<void> {
    const listed = new Set(this.#listed());
    for (const chunk of this.#shards.keys()) if (!listed.has(chunk)) this.#forget(chunk);
    const unknown = [...listed].filter((chunk) => !this.#shards.has(chunk));
    await Promise.all(unknown.map((chunk) => this.#gate.pass(() => this.#take(chunk))));
  }

  /** The stored features of an image; null where they are absent or damaged. */
  async read(id: string): Promise<Uint8Array<ArrayBuffer> | null> {
    return this.#gate.pass(async () => {
      const bytes = await this.#readOnce(id);
      // A shard that was replaced is another one: known by now, or gone.
      return bytes ?? (this.has(id) ? this.#readOnce(id) : null);
    });
  }

  /** A directory that cannot be listed says nothing, not even that it is empty. */
  #listed(): Iterable<string> {
    try {
      return listFeatures(this.#options.paths).shards;
    } catch (error) {
      if (errorCode(error) === undefined) throw error;
      return this.#shards.keys();
    }
  }

  async #readOnce(id: string): Promise<Uint8Array<ArrayBuffer> | null> {
    const place = this.#places.get(id)?.[0];
    const shard = place && this.#shards.get(place.chunk);
    if (place === undefined || shard === undefined) return null;
    const bytes = await this.#guarded(place.chunk, () => readRow(shard, place.row));
    if (bytes !== null) return bytes;
    if (this.#shards.get(place.chunk) === shard) await this.#take(place.chunk);
    return null;
  }

  /** Reads a shard's header, once for all who ask for it meanwhile. */
  async #take(chunk: string): Promise<void> {
    const taking = this.#taking.get(chunk) ?? this.#takeNow(chunk);
    this.#taking.set(chunk, taking);
    await taking.finally(() => this.#taking.delete(chunk));
  }

  async #takeNow(chunk: string): Promise<void> {
    const { paths, format } = this.#options;
    const file = shardFile(paths, chunk);
    const shard = await this.#guarded(chunk, () => readShard(file, format));
    this.#forget(chunk);
    if (shard === null) return;
    this.#shards.set(chunk, shard);
    for (const [row, { id }] of shard.header.rows.entries()) {
      const places = [...(this.#places.get(id) ?? []), { chunk, row }];
      this.#places.set(
        id,
        places.toSorted((a, b) => (a.chunk < b.chunk ? -1 : 1)),
      );
    }
  }

  /** Null where the shard cannot be read; a damaged one is removed. */
  async #guarded<T>(chunk: string, read: () => Promise<T | null>): Promise<T | null> {
    try {
      return await read();
    } catch (error) {
      if (error instanceof DamagedShard) {
        removeDamaged(error);
        this.#options.onDamaged(error.message);
      } else if (errorCode(error) === undefined) throw error;
      this.#forget(chunk);
      return null;
    }
  }

  #forget(chunk: string): void {
    const shard = this.#shards.get(chunk);
    if (shard === undefined) return;
    this.#shards.delete(chunk);
    for (const { id } of shard.header.rows) {
      const places = (this.#places.get(id) ?? []).filter((place) => place.chunk !== chunk);
      if (places.length > 0) this.#places.set(id, places);
      else this.#places.delete(id);
    }
  }
}
