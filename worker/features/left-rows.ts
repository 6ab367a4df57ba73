import { errorCode } from "../files/error-code.ts";
import {
  DamagedShard,
  type FeatureFormat,
  readPartial,
  readRow,
  type Shard,
} from "./shard-file.ts";

/** The row of an image that somebody else encoded. */
export interface LeftRow {
  trial: string;
  bytes: Uint8Array;
}

/** Rows in the partials of owners who were killed or superseded, so that none is encoded twice. */
export class LeftRows {
  readonly #places = new Map<string, { shard: Shard; row: number }>();

  /** Reads what these files say that they hold; one that is gone or torn holds nothing. */
  static async find(files: readonly string[], format: FeatureFormat): Promise<LeftRows> {
    const left = new LeftRows();
    for (const file of files) {
      const shard = await unlessUnusable(() => readPartial(file, format));
      if (shard === null) continue;
      for (const [row, { id }] of shard.header.rows.entries()) left.#places.set(id, { shard, row });
    }
    return left;
  }

  trials(): string[] {
    return [...this.#places.values()].map(({ shard, row }) => shard.header.rows[row]!.trial);
  }

  /** The row of an image, checked; null where there is none, or a torn one. */
  async read(id: string): Promise<LeftRow | null> {
    const place = this.#places.get(id);
    if (place === undefined) return null;
    const { shard, row } = place;
    const bytes = await unlessUnusable(() => readRow(shard, row));
    return bytes && { bytes, trial: shard.header.rows[row]!.trial };
  }
}

async function unlessUnusable<T>(read: () => Promise<T>): Promise<T | null> {
  try {
    return await read();
  } catch (error) {
    if (error instanceof DamagedShard || errorCode(error) !== undefined) return null;
    throw error;
  }
}
