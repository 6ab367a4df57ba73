import { type FileHandle, open } from "node:fs/promises";
import type { ShardHeader } from "../contract/feature-files.ts";
import { linkOnce, removeIfPossible } from "../files/durable-write.ts";
import { errorCode } from "../files/error-code.ts";
import type { FeatureClock } from "./chunk-claim.ts";
import { checksum, headerBytes } from "./shard-file.ts";

/**
 * How often rows are brought to the file server, where those who wait for the shard see it grow: a
 * client of NFS may keep what is written to itself for half a minute.
 */
const SYNC_SECONDS = 1;

const NO_CHECKSUM = "00000000";

/** A header without its rows: their checksums are known when they are written. */
export type NewHeader = Omit<ShardHeader, "rows">;

export interface ShardWriterOptions {
  /** Of this process alone. */
  partial: string;
  header: NewHeader;
  ids: readonly string[];
  clock: FeatureClock;
}

/** A shard that grows row by row under a name of its own, and is published whole or not at all. */
export class ShardWriter {
  readonly #options: ShardWriterOptions;
  readonly #handle: FileHandle;
  readonly #checksums: string[] = [];
  #end: number;
  #syncedSeconds: number;

  private constructor(options: ShardWriterOptions, handle: FileHandle) {
    this.#options = options;
    this.#handle = handle;
    this.#end = this.#header().length;
    this.#syncedSeconds = options.clock.monotonicSeconds();
  }

  static async create(options: ShardWriterOptions): Promise<ShardWriter> {
    return new ShardWriter(options, await open(options.partial, "wx"));
  }

  /** Appends the row of the next image. */
  async append(row: Uint8Array): Promise<void> {
    await writeAt(this.#handle, row, this.#end);
    this.#end += row.length;
    this.#checksums.push(checksum(row));
    const now = this.#options.clock.monotonicSeconds();
    if (now - this.#syncedSeconds < SYNC_SECONDS) return;
    await this.#handle.datasync();
    this.#syncedSeconds = now;
  }

  /**
   * Gives the finished shard its name, once all that it says is on the disk and if `mayPublish` is
   * true then. False, and nothing is published, where not, where the name was taken, and where
   * somebody removed what was written.
   */
  async publish(shard: string, mayPublish: () => boolean): Promise<boolean> {
    const { partial } = this.#options;
    await writeAt(this.#handle, this.#header(), 0);
    await this.#handle.sync();
    await this.#handle.close();
    try {
      return mayPublish() && linkOnce(partial, shard);
    } catch (error) {
      if (errorCode(error) === "ENOENT") return false;
      throw error;
    } finally {
      removeIfPossible(partial);
    }
  }

  /** Gives up; harmless after `publish`. */
  async discard(): Promise<void> {
    // What is given up may have been lost to a full disk, which close says again.
    await this.#handle.close().catch(() => {});
    removeIfPossible(this.#options.partial);
  }

  #header(): Buffer {
    const { header, ids } = this.#options;
    const rows = ids.map((id, row) => ({ id, crc32: this.#checksums[row] ?? NO_CHECKSUM }));
    return headerBytes({ ...header, rows });
  }
}

async function writeAt(handle: FileHandle, bytes: Uint8Array, position: number): Promise<void> {
  let written = 0;
  while (written < bytes.length) {
    const left = bytes.length - written;
    const { bytesWritten } = await handle.write(bytes, written, left, position + written);
    written += bytesWritten;
  }
}
