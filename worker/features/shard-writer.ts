import { type FileHandle, open } from "node:fs/promises";
import type { ShardHeader, ShardRow } from "../contract/feature-files.ts";
import { linkOnce, removeIfPossible } from "../files/durable-write.ts";
import { errorCode } from "../files/error-code.ts";
import type { FeatureClock } from "./chunk-claim.ts";
import { checksum, type FeatureFormat, headerBytes } from "./shard-file.ts";

/**
 * How often rows are brought to the file server, where those who wait for the shard see it grow: a
 * client of NFS may keep what is written to itself for half a minute.
 */
const SYNC_SECONDS = 1;

export interface ShardWriterOptions {
  /** Of this process alone. */
  partial: string;
  format: FeatureFormat;
  ids: readonly string[];
  /** Who may have encoded one of the images. */
  trials: readonly string[];
  clock: FeatureClock;
}

/**
 * A shard that grows row by row under a name of its own, and is published whole or not at all. What
 * a killed writer leaves can be read up to its last row.
 */
export class ShardWriter {
  readonly #options: ShardWriterOptions;
  readonly #handle: FileHandle;
  readonly #headerBytes: number;
  readonly #rows: ShardRow[] = [];
  #end: number;
  #syncedSeconds: number;

  private constructor(options: ShardWriterOptions, handle: FileHandle) {
    this.#options = options;
    this.#handle = handle;
    this.#headerBytes = fullHeaderBytes(options);
    this.#end = this.#headerBytes;
    this.#syncedSeconds = options.clock.monotonicSeconds();
  }

  static async create(options: ShardWriterOptions): Promise<ShardWriter> {
    return new ShardWriter(options, await open(options.partial, "wx"));
  }

  /** Appends the row of the next image, and then says so in the header. */
  async append(row: Uint8Array, trial: string): Promise<void> {
    await writeAt(this.#handle, row, this.#end);
    this.#end += row.length;
    const id = this.#options.ids[this.#rows.length]!;
    this.#rows.push({ id, trial, crc32: checksum(row) });
    const header = headerOf(this.#options.format, this.#rows);
    await writeAt(this.#handle, headerBytes(header, this.#headerBytes), 0);
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
}

function headerOf({ key, precision, shape }: FeatureFormat, rows: ShardRow[]): ShardHeader {
  return { version: 1, key, precision, shape: [...shape], rows };
}

/** What the header takes when all rows are there, whoever of the trials makes which. */
function fullHeaderBytes({ format, ids, trials }: ShardWriterOptions): number {
  const trial = trials.reduce((a, b) =>
    JSON.stringify(a).length < JSON.stringify(b).length ? b : a,
  );
  const rows = ids.map((id) => ({ id, trial, crc32: "00000000" }));
  return headerBytes(headerOf(format, rows)).length;
}

async function writeAt(handle: FileHandle, bytes: Uint8Array, position: number): Promise<void> {
  let written = 0;
  while (written < bytes.length) {
    const left = bytes.length - written;
    const { bytesWritten } = await handle.write(bytes, written, left, position + written);
    written += bytesWritten;
  }
}
