import { randomBytes } from "node:crypto";
import { existsSync, renameSync, statSync } from "node:fs";
import { rm } from "node:fs/promises";
import { removeIfPossible } from "../files/durable-write.ts";
import { errorCode } from "../files/error-code.ts";
import {
  claimFile,
  featurePaths,
  listFeatures,
  listKeys,
  partialFile,
  removedDirectory,
  shardFile,
} from "../files/feature-directory.ts";
import { readClaim } from "./chunk-claim.ts";
import { hasReader, isOver } from "./feature-user.ts";

export interface FeatureSpaceOptions {
  /** `<root>/features`. */
  features: string;
  /** Its own features are never removed. */
  key: string;
  limitBytes: number;
}

interface KeyUsage {
  name: string;
  /** Of shards, and of what those will have that are claimed by an attempt that may run. */
  bytes: number;
  /** Partials without such a claim: they spare a successor work, but yield to what needs room. */
  left: { files: string[]; bytes: number };
}

/** Keeps all features of a site below a limit, by removing whole keys that nobody reads. */
export class FeatureSpace {
  readonly #options: FeatureSpaceOptions;
  /** Of shards, which never change, by file. */
  readonly #sizes = new Map<string, number>();

  constructor(options: FeatureSpaceOptions) {
    this.#options = options;
  }

  /**
   * Whether all shards, and those that are claimed, are within the limit; keys are removed for it,
   * the one that was longest out of use first, if that is enough. So claim before you ask: of two
   * who ask at the same time each then counts the other's.
   */
  async isEnough(): Promise<boolean> {
    const { features, key, limitBytes } = this.#options;
    const { keys, removed } = listKeys(features);
    for (const directory of removed) if (!hasReader(directory)) await removeTree(directory);
    const usages = keys.map((name) => this.#usageOf(name));
    let over = usages.reduce((sum, { bytes, left }) => sum + bytes + left.bytes, 0) - limitBytes;
    if (over <= 0) return true;
    for (const { left } of usages) {
      left.files.forEach(removeIfPossible);
      over -= left.bytes;
    }
    if (over <= 0) return true;
    const idle = usages.filter(({ name }) => name !== key && !hasReader(this.#directory(name)));
    const most = idle.reduce((sum, { bytes }) => sum + bytes, 0);
    if (most < over) return false;
    const oldestFirst = idle.toSorted((a, b) => this.#lastUse(a.name) - this.#lastUse(b.name));
    for (const { name, bytes } of oldestFirst) {
      if (await this.#remove(name)) over -= bytes;
      if (over <= 0) return true;
    }
    return false;
  }

  #usageOf(name: string): KeyUsage {
    const paths = featurePaths(this.#options.features, name);
    const { shards, claims, partials } = listFeatures(paths);
    const live = claims.flatMap(({ chunk, number }) => {
      const claim = readClaim(claimFile(paths, chunk, number));
      return claim === null || isOver(claim.maker) ? [] : [claim];
    });
    const nonces = new Set(live.map(({ nonce }) => nonce));
    const files = partials
      .filter(({ nonce }) => !nonces.has(nonce))
      .map(({ chunk, nonce }) => partialFile(paths, chunk, nonce));
    const bytes =
      shards.reduce((sum, chunk) => sum + this.#sizeOf(shardFile(paths, chunk)), 0) +
      live.reduce((sum, claim) => sum + claim.bytes, 0);
    const left = { files, bytes: files.reduce((sum, file) => sum + sizeNow(file), 0) };
    return { name, bytes, left };
  }

  #sizeOf(shard: string): number {
    const size = this.#sizes.get(shard) ?? sizeNow(shard);
    if (size > 0) this.#sizes.set(shard, size);
    return size;
  }

  /**
   * When somebody last began or ceased to read a key, in milliseconds of the file server's clock,
   * which sets a directory's time when a mark comes or goes. Compared with each other only.
   */
  #lastUse(key: string): number {
    const { readers } = featurePaths(this.#options.features, key);
    return statSync(readers, { throwIfNoEntry: false })?.mtimeMs ?? 0;
  }

  /** Renames it first, so that readers find it whole or not at all. False if one came meanwhile. */
  async #remove(key: string): Promise<boolean> {
    const directory = this.#directory(key);
    const nonce = randomBytes(4).toString("hex");
    const aside = removedDirectory(this.#options.features, key, nonce);
    if (!isRenamed(directory, aside)) return !existsSync(directory);
    if (hasReader(aside) && isRenamed(aside, directory)) return false;
    await removeTree(aside);
    return true;
  }

  #directory(key: string): string {
    return featurePaths(this.#options.features, key).directory;
  }
}

/** Zero for a file that is gone. */
function sizeNow(file: string): number {
  return statSync(file, { throwIfNoEntry: false })?.size ?? 0;
}

function isRenamed(from: string, to: string): boolean {
  try {
    renameSync(from, to);
    return true;
  } catch (error) {
    if (errorCode(error) === undefined) throw error;
    return false;
  }
}

/** What cannot be removed now, as it is open somewhere, is removed by the next who looks. */
async function removeTree(directory: string): Promise<void> {
  await rm(directory, { recursive: true, force: true }).catch(() => {});
}
