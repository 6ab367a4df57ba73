import { readdirSync } from "node:fs";
import path from "node:path";
import { errorCode } from "./error-code.ts";

/** Where features of all sweeps of a site are kept. Safe to delete at any time. */
export function featuresDirectory(root: string): string {
  return path.join(root, "features");
}

export interface FeaturePaths {
  directory: string;
  identity: string;
  readers: string;
}

/** The names in `features/<key>`: with the functions below the only place that knows them. */
export function featurePaths(features: string, key: string): FeaturePaths {
  const directory = path.join(features, key);
  return {
    directory,
    identity: path.join(directory, "identity.json"),
    readers: path.join(directory, "readers"),
  };
}

export function readerMark({ readers }: FeaturePaths, trial: string, attempt: number): string {
  return path.join(readers, `${trial}-${attempt}.json`);
}

export function shardFile({ directory }: FeaturePaths, chunk: string): string {
  return path.join(directory, `${chunk}.shard`);
}

export function claimFile({ directory }: FeaturePaths, chunk: string, number: number): string {
  return path.join(directory, `${chunk}.${number}.claim`);
}

/** A shard under way. The nonce is its claim's, so that no two owners ever share a name. */
export function partialFile({ directory }: FeaturePaths, chunk: string, nonce: string): string {
  return path.join(directory, `${chunk}.${nonce}.partial`);
}

/** What stands in `features/<key>`. */
export interface FeatureListing {
  /** Chunks that have a shard, ascending. */
  shards: string[];
  /** Ascending by chunk, then by number. */
  claims: { chunk: string; number: number }[];
  partials: { chunk: string; nonce: string }[];
}

/** Lists the features of a key; nothing for one whose directory is not there. */
export function listFeatures({ directory }: FeaturePaths): FeatureListing {
  const listing: FeatureListing = { shards: [], claims: [], partials: [] };
  for (const name of namesIn(directory).toSorted()) {
    const [, chunk, middle, kind] = /^([0-9a-f]{16})(?:\.(\w+))?\.(\w+)$/.exec(name) ?? [];
    if (chunk === undefined) continue;
    if (kind === "shard" && middle === undefined) listing.shards.push(chunk);
    if (kind === "claim") listing.claims.push({ chunk, number: Number(middle) });
    if (kind === "partial" && middle !== undefined) listing.partials.push({ chunk, nonce: middle });
  }
  listing.claims.sort((a, b) => a.chunk.localeCompare(b.chunk) || a.number - b.number);
  return listing;
}

const REMOVED = /^\.removed-/;

/** The keys that have features, and directories of keys that somebody began to remove. */
export function listKeys(features: string): { keys: string[]; removed: string[] } {
  const names = namesIn(features);
  return {
    keys: names.filter((name) => /^[0-9a-f]{16}$/.test(name)),
    removed: names.filter((name) => REMOVED.test(name)).map((name) => path.join(features, name)),
  };
}

/** What a key's directory is called while it is removed. */
export function removedDirectory(features: string, key: string, nonce: string): string {
  return path.join(features, `.removed-${key}-${nonce}`);
}

/** Files of the reader marks of a key, or of such a directory. */
export function listReaderMarks(directory: string): string[] {
  const readers = path.join(directory, "readers");
  return namesIn(readers)
    .filter((name) => /-\d+\.json$/.test(name))
    .map((name) => path.join(readers, name));
}

/** The names in a directory; none where it is not there. */
function namesIn(directory: string): string[] {
  try {
    return readdirSync(directory);
  } catch (error) {
    if (errorCode(error) === "ENOENT") return [];
    throw error;
  }
}
