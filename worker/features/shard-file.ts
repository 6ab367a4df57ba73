import type { Stats } from "node:fs";
import { statSync } from "node:fs";
import { type FileHandle, open } from "node:fs/promises";
import { crc32 } from "node:zlib";
import { type FeaturePrecision, ShardHeader } from "../contract/feature-files.ts";
import { removeIfPossible } from "../files/durable-write.ts";
import { bytesOfRow, type FeatureShape, wholePages } from "./feature-layout.ts";

// A shard is: 8 bytes by which it is known · length of the header's text and its CRC-32, each
// uint32 little-endian · the header as JSON, filled up with spaces to whole pages · the rows.

const MAGIC = Buffer.from("qsweepF1", "latin1");
const PREAMBLE_BYTES = MAGIC.length + 8;
const MAX_HEADER_BYTES = 2 ** 20;

/** What the features of one key have in common. */
export interface FeatureFormat {
  key: string;
  precision: FeaturePrecision;
  shape: FeatureShape;
}

/** A shard whose header was found right, and where its rows are. */
export interface Shard {
  file: string;
  /** By which it is known again: a path may lead to another file by now. */
  stats: Stats;
  header: ShardHeader;
  rowsAt: number;
  rowBytes: number;
}

/** What says that a shard cannot be used. */
export class DamagedShard extends Error {
  readonly file: string;
  readonly stats: Stats;

  constructor(file: string, stats: Stats, problem: string) {
    super(`${file} ${problem}`);
    this.name = "DamagedShard";
    this.file = file;
    this.stats = stats;
  }
}

/** CRC-32 as headers have it. */
export function checksum(bytes: Uint8Array): string {
  return crc32(bytes).toString(16).padStart(8, "0");
}

/** All that stands before the rows; filled up to at least so many bytes. */
export function headerBytes(header: ShardHeader, leastBytes = 0): Buffer {
  const text = Buffer.from(JSON.stringify(header));
  const length = Math.max(PREAMBLE_BYTES + text.length, leastBytes);
  const bytes = Buffer.alloc(wholePages(length), " ");
  MAGIC.copy(bytes);
  text.copy(bytes, PREAMBLE_BYTES);
  const padded = bytes.subarray(PREAMBLE_BYTES);
  bytes.writeUInt32LE(padded.length, MAGIC.length);
  bytes.writeUInt32LE(crc32(padded), MAGIC.length + 4);
  return bytes;
}

/**
 * Opens a shard and reads its header, whose lengths are compared with the file's before memory is
 * taken. Throws DamagedShard, or an error of the operating system.
 */
export async function readShard(file: string, format: FeatureFormat): Promise<Shard> {
  const shard = await readPartial(file, format);
  const { stats, header, rowsAt, rowBytes } = shard;
  const expected = rowsAt + header.rows.length * rowBytes;
  if (stats.size === expected) return shard;
  throw new DamagedShard(file, stats, `has ${stats.size} bytes, not ${expected}`);
}

/**
 * As `readShard`, of a shard under way: rows that its header does not name yet may follow. No row
 * is known to be there before it was read and checked.
 */
export async function readPartial(file: string, format: FeatureFormat): Promise<Shard> {
  const handle = await open(file, "r");
  try {
    return await shardOf({ file, handle, stats: await handle.stat() }, format);
  } finally {
    await handle.close();
  }
}

/**
 * The bytes of one row, checked. Null where the path leads to another file than the shard's.
 * Throws DamagedShard, or an error of the operating system.
 */
export async function readRow(shard: Shard, row: number): Promise<Uint8Array<ArrayBuffer> | null> {
  const { file, rowsAt, rowBytes, header } = shard;
  const handle = await open(file, "r");
  try {
    const stats = await handle.stat();
    if (!isSameFile(stats, shard.stats)) return null;
    const bytes = await bytesAt(handle, rowsAt + row * rowBytes, rowBytes);
    const { id, crc32: expected } = header.rows[row]!;
    if (bytes !== null && checksum(bytes) === expected) return bytes;
    throw new DamagedShard(file, stats, `is damaged at the row of image ${id}`);
  } finally {
    await handle.close();
  }
}

/** Removes a damaged shard, unless another file has its name by now. */
export function removeDamaged({ file, stats }: DamagedShard): void {
  const found = statSync(file, { throwIfNoEntry: false });
  if (found !== undefined && isSameFile(found, stats)) removeIfPossible(file);
}

interface OpenFile {
  file: string;
  handle: FileHandle;
  stats: Stats;
}

async function shardOf(opened: OpenFile, format: FeatureFormat): Promise<Shard> {
  const { file, handle, stats } = opened;
  const damaged = (problem: string) => new DamagedShard(file, stats, problem);
  const preamble = await bytesAt(handle, 0, PREAMBLE_BYTES);
  if (preamble === null) throw damaged("is shorter than a header");
  const view = Buffer.from(preamble.buffer);
  if (!view.subarray(0, MAGIC.length).equals(MAGIC)) throw damaged("is no shard of features");
  const length = view.readUInt32LE(MAGIC.length);
  const rowsAt = PREAMBLE_BYTES + length;
  if (length > MAX_HEADER_BYTES || rowsAt > stats.size) throw damaged("has a header too long");
  const text = await bytesAt(handle, PREAMBLE_BYTES, length);
  if (text === null || crc32(text) !== view.readUInt32LE(MAGIC.length + 4)) {
    throw damaged("has a damaged header");
  }
  const header = parsedHeader(Buffer.from(text.buffer).toString());
  if (header === null) throw damaged("has a header that cannot be read");
  const { key, precision, shape } = header;
  const isOfFormat =
    key === format.key &&
    precision === format.precision &&
    shape.every((size, axis) => size === format.shape[axis]);
  if (!isOfFormat) throw damaged(`holds features ${key} of ${shape.join(" × ")} as ${precision}`);
  return { file, stats, header, rowsAt, rowBytes: bytesOfRow(shape, precision) };
}

/** Exactly so many bytes from `position`; null where the file ends before. */
async function bytesAt(
  handle: FileHandle,
  position: number,
  count: number,
): Promise<Uint8Array<ArrayBuffer> | null> {
  const bytes = new Uint8Array(count);
  let filled = 0;
  while (filled < count) {
    const { bytesRead } = await handle.read(bytes, filled, count - filled, position + filled);
    if (bytesRead === 0) return null;
    filled += bytesRead;
  }
  return bytes;
}

function parsedHeader(text: string): ShardHeader | null {
  try {
    return ShardHeader.safeParse(JSON.parse(text)).data ?? null;
  } catch {
    return null;
  }
}

/** A changed file is another one. */
function isSameFile(a: Stats, b: Stats): boolean {
  return a.dev === b.dev && a.ino === b.ino && a.size === b.size && a.mtimeMs === b.mtimeMs;
}
