import { randomBytes } from "node:crypto";
import { existsSync, readFileSync, statSync } from "node:fs";
import { isDeepStrictEqual } from "node:util";
import { ChunkClaim, type FeatureUser } from "../contract/feature-files.ts";
import { claimDurably, removeIfPossible } from "../files/durable-write.ts";
import {
  claimFile,
  type FeaturePaths,
  listFeatures,
  partialFile,
} from "../files/feature-directory.ts";
import { isOver } from "./feature-user.ts";

/** The time as one process measures it: for intervals only, never compared with another's. */
export interface FeatureClock {
  monotonicSeconds(): number;
  wait(seconds: number): Promise<void>;
}

/** A claim on a chunk as it stands in the directory; null for one that cannot be read. */
export interface SeenClaim {
  number: number;
  claim: ChunkClaim | null;
}

export interface HeldClaim {
  chunk: string;
  number: number;
  claim: ChunkClaim;
}

export interface ClaimOptions {
  paths: FeaturePaths;
  maker: FeatureUser;
  /** An owner whose shard does not grow for so long is superseded. */
  patienceSeconds: number;
  clock: FeatureClock;
}

/** Gives each chunk to one maker at a time, and takes it from one that is over or silent. */
export class ChunkClaims {
  readonly #options: ClaimOptions;
  /** By the nonce of a claim: what its shard had grown to when it was seen to have grown. */
  readonly #seen = new Map<string, { bytes: number; sinceSeconds: number }>();

  constructor(options: ClaimOptions) {
    this.#options = options;
  }

  /** Claims a chunk for a shard of so many bytes; null while it is another's. */
  take(chunk: string, bytes: number): HeldClaim | null {
    const { paths, maker } = this.#options;
    const newest = claimsOf(paths, chunk).at(-1);
    if (newest && !this.#isFree(chunk, newest)) return null;
    const number = (newest?.number ?? 0) + 1;
    const nonce = randomBytes(8).toString("hex");
    const claim: ChunkClaim = { version: 1, nonce, maker, bytes };
    if (!claimDurably(claimFile(paths, chunk, number), `${JSON.stringify(claim)}\n`)) return null;
    const held = { chunk, number, claim };
    // Whoever took the claims away that we saw none of may have left one that is higher.
    if (claimsOf(paths, chunk).at(-1)?.number !== number) {
      this.release(held);
      return null;
    }
    return held;
  }

  /** Whether a claim still stands and nobody superseded it. */
  isHeld({ chunk, number, claim: { nonce } }: HeldClaim): boolean {
    const { paths } = this.#options;
    if (existsSync(claimFile(paths, chunk, number + 1))) return false;
    return readClaim(claimFile(paths, chunk, number))?.nonce === nonce;
  }

  /** Gives a chunk back, so that others go on at once. */
  release({ chunk, number, claim: { nonce } }: HeldClaim): void {
    const { paths } = this.#options;
    removeIfPossible(partialFile(paths, chunk, nonce));
    const file = claimFile(paths, chunk, number);
    if (readClaim(file)?.nonce === nonce) removeIfPossible(file);
  }

  /** Whether an owner is at a chunk who is not known to be over, nor silent for too long. */
  isAnothers(chunk: string): boolean {
    const newest = claimsOf(this.#options.paths, chunk).at(-1);
    return newest !== undefined && !this.#isFree(chunk, newest);
  }

  /** Whether the owner will write no more, by evidence, or has not written for too long. */
  #isFree(chunk: string, { number, claim }: SeenClaim): boolean {
    const { paths, maker, patienceSeconds, clock } = this.#options;
    if (claim !== null && (isDeepStrictEqual(claim.maker, maker) || isOver(claim.maker))) {
      return true;
    }
    const partial = claim && statSync(partialFile(paths, chunk, claim.nonce), MAY_BE_ABSENT);
    const bytes = partial?.size ?? -1;
    const now = clock.monotonicSeconds();
    const name = claim?.nonce ?? `${chunk}.${number}`;
    const seen = this.#seen.get(name);
    if (seen?.bytes === bytes) return now - seen.sinceSeconds >= patienceSeconds;
    this.#seen.set(name, { bytes, sinceSeconds: now });
    return false;
  }
}

const MAY_BE_ABSENT = { throwIfNoEntry: false } as const;

/** Removes what is left of a chunk's making once it has a shard: its partials, then its claims. */
export function removeClaims(paths: FeaturePaths, chunk: string): void {
  const { claims } = listFeatures(paths);
  for (const file of partialsOf(paths, chunk)) removeIfPossible(file);
  for (const claim of claims.filter((entry) => entry.chunk === chunk)) {
    removeIfPossible(claimFile(paths, chunk, claim.number));
  }
}

/** A claim file's content; null where it is gone or cannot be read. */
export function readClaim(file: string): ChunkClaim | null {
  if (!existsSync(file)) return null;
  try {
    return ChunkClaim.parse(JSON.parse(readFileSync(file, "utf8")));
  } catch {
    return null;
  }
}

function claimsOf(paths: FeaturePaths, chunk: string): SeenClaim[] {
  return listFeatures(paths)
    .claims.filter((entry) => entry.chunk === chunk)
    .map(({ number }) => ({ number, claim: readClaim(claimFile(paths, chunk, number)) }));
}

/** Files of all shards under way of a chunk. */
export function partialsOf(paths: FeaturePaths, chunk: string): string[] {
  const { partials } = listFeatures(paths);
  return partials
    .filter((partial) => partial.chunk === chunk)
    .map(({ nonce }) => partialFile(paths, chunk, nonce));
}
