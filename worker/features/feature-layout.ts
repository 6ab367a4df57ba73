import { createHash } from "node:crypto";
import type { FeatureIdentity, FeaturePrecision } from "../contract/feature-files.ts";

/** Of the features of one image: [positions, channels]. */
export type FeatureShape = readonly [number, number];

const KEY_DIGITS = 16;
const MAX_ROWS = 64;
const MAX_ROW_BYTES_OF_SHARD = 64 * 2 ** 20;
/** Where the rows of a shard begin is a multiple of this, so that rows lie on pages of the disk. */
const PAGE_BYTES = 4096;
/** A shard's header takes less: its fixed part, and a row's with an id of 64 digits. */
const HEADER_BYTES = 256;
const HEADER_BYTES_PER_ROW = 120;

const BYTES_PER_VALUE: Readonly<Record<FeaturePrecision, number>> = { half: 2, float: 4 };

/** The name of the features that an identity determines: 16 hexadecimal digits of its SHA-256. */
export function featureKey(identity: FeatureIdentity): string {
  const { model, init, seed, precision, engine, tensorflow, device } = identity;
  return digits(["features", 1, model, init, seed, precision, engine, tensorflow, device]);
}

/** Bytes of one image's features. */
export function bytesOfRow(
  [positions, channels]: FeatureShape,
  precision: FeaturePrecision,
): number {
  return positions * channels * BYTES_PER_VALUE[precision];
}

/**
 * Cuts images into chunks, each for one shard: of ids in ascending order, 64 at most, 64 MiB at
 * most, but one at least. The same images make the same chunks, in whatever order they are given
 * and however often.
 */
export function chunksOf(ids: readonly string[], rowBytes: number): string[][] {
  const sorted = [...new Set(ids)].toSorted();
  const rows = rowsPerShard(rowBytes);
  const count = Math.ceil(sorted.length / rows);
  return Array.from({ length: count }, (_, index) =>
    sorted.slice(index * rows, (index + 1) * rows),
  );
}

/** The name of a chunk: of its images, so that all who need the same ones agree on it. */
export function chunkName(ids: readonly string[]): string {
  return digits(["chunk", 1, ...ids]);
}

/** The chunk that a trial begins with: trials that start together begin at different ones. */
export function firstChunk(trial: string, chunks: number): number {
  return chunks === 0 ? 0 : Number.parseInt(digits(["start", trial]).slice(0, 8), 16) % chunks;
}

/** Bytes that the features of so many images take on the disk, to a page for each shard. */
export function featureBytes({
  images,
  shape,
  precision,
}: {
  images: number;
  shape: FeatureShape;
  precision: FeaturePrecision;
}): number {
  const rowBytes = bytesOfRow(shape, precision);
  const rows = rowsPerShard(rowBytes);
  const last = images % rows;
  const whole = Math.floor(images / rows) * shardBytes(rows, rowBytes);
  return whole + (last === 0 ? 0 : shardBytes(last, rowBytes));
}

/** Bytes that a shard of so many rows takes at most. */
export function shardBytes(rows: number, rowBytes: number): number {
  return wholePages(HEADER_BYTES + rows * HEADER_BYTES_PER_ROW) + rows * rowBytes;
}

/** The next multiple of a page. */
export function wholePages(bytes: number): number {
  return Math.ceil(bytes / PAGE_BYTES) * PAGE_BYTES;
}

function rowsPerShard(rowBytes: number): number {
  return Math.max(1, Math.min(MAX_ROWS, Math.floor(MAX_ROW_BYTES_OF_SHARD / rowBytes)));
}

/** Of values in an order of their own: their JSON has one form only. */
function digits(values: readonly (string | number | null)[]): string {
  return createHash("sha256").update(JSON.stringify(values)).digest("hex").slice(0, KEY_DIGITS);
}
