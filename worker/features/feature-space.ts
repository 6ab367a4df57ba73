import { randomBytes } from "node:crypto";
import { existsSync, renameSync, statSync } from "node:fs";
import { rm } from "node:fs/promises";
import { removeIfPossible } from "../files/durable-write.ts";
import { errorCode } from "../files/error-code.ts";
import {
  claimFile,
  type FeaturePaths,
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
    const used = new Map(keys.map((name) => [name, this.#bytesOf(featurePaths(features, name))]));
    let over = [...used.values()].reduce((sum, bytes) => sum + bytes, 0) - limitBytes;
    if (over <= 0) return true;
    const idle = keys.filter((name) => name !== key && !hasReader(this.#directory(name)));
    const most = idle.reduce((sum, name) => sum + used.get(name)!, 0);
    if (most < over) return false;
    for (const name of idle.toSorted((a, b) => this.#lastUse(a) - this.#lastUse(b))) {
      if (await this.#remove(name)) over -= used.get(name)!;
      if (over <= 0) return true;
    }
    return false;
  }

  #bytesOf(paths: FeaturePaths): number {
    const { shards, claims } = listFeatures(paths);
    let bytes = 0;
    for (const chunk of shards) bytes += this.#sizeOf(shardFile(paths, chunk));
    for (const { chunk, number } of claims) {
      const claim = readClaim(claimFile(paths, chunk, number));
      if (claim === null) continue;
      // Nobody else may come for what was left by one who is over.
      if (isOver(claim.maker)) removeIfPossible(partialFile(paths, chunk, claim.nonce));
      else bytes += claim.bytes;
    }
    return bytes;
  }

  #sizeOf(shard: string): number {
    const size = this.#sizes.get(shard) ?? statSync(shard, { throwIfNoEntry: false })?.size;
    if (size !== undefined) this.#sizes.set(shard, size);
    return size ?? 0;
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
