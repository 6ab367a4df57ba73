import { existsSync } from "node:fs";
import { readdir } from "node:fs/promises";
import path from "node:path";
import type { CheckpointManifest } from "../contract/trial-files.ts";
import { attemptNumbers, attemptPaths } from "../files/trial-directory.ts";
import { readManifest, verifyCheckpoint } from "./checkpoint.ts";

export interface FoundCheckpoint {
  /** Absolute. */
  directory: string;
  /** Relative to the trial directory. */
  path: string;
  manifest: CheckpointManifest;
}

export interface SearchOptions {
  trialDirectory: string;
  trial: string;
  /** Told of each checkpoint that cannot be continued from. */
  refused: (path: string, problem: string) => void;
}

/**
 * The checkpoint with the most steps, over all attempts of the trial, that can be continued from:
 * complete, undamaged, of this trial, and with the best weights it names. Null when there is none.
 */
export async function newestCheckpoint(options: SearchOptions): Promise<FoundCheckpoint | null> {
  const { trialDirectory, trial, refused } = options;
  const candidates = await resumableCheckpoints(trialDirectory, refused);
  for (const candidate of candidates.toSorted(newerFirst)) {
    try {
      const manifest = await verifyCheckpoint(candidate.directory);
      if (manifest.trial !== trial) throw new Error(`belongs to trial ${manifest.trial}`);
      if (manifest.best !== null) await readManifest(path.join(trialDirectory, manifest.best.path));
      return { ...candidate, manifest };
    } catch (error) {
      refused(candidate.path, error instanceof Error ? error.message : String(error));
    }
  }
  return null;
}

/** At equal steps the one whose epoch is already validated is further on. */
function newerFirst(a: FoundCheckpoint, b: FoundCheckpoint): number {
  return b.manifest.step - a.manifest.step || b.manifest.epoch - a.manifest.epoch;
}

async function resumableCheckpoints(
  trialDirectory: string,
  refused: SearchOptions["refused"],
): Promise<FoundCheckpoint[]> {
  const found: FoundCheckpoint[] = [];
  for (const attempt of attemptNumbers(trialDirectory)) {
    const { checkpoints } = attemptPaths(trialDirectory, attempt);
    for (const name of await checkpointNames(checkpoints)) {
      const directory = path.join(checkpoints, name);
      const relative = path.relative(trialDirectory, directory);
      try {
        const manifest = await readManifest(directory);
        if (manifest.kind === "resumable") found.push({ directory, path: relative, manifest });
      } catch (error) {
        refused(relative, error instanceof Error ? error.message : String(error));
      }
    }
  }
  return found;
}

/** Names of an attempt's checkpoints; those under way or being removed begin with a dot. */
async function checkpointNames(checkpoints: string): Promise<string[]> {
  if (!existsSync(checkpoints)) return [];
  return (await readdir(checkpoints)).filter((name) => !name.startsWith("."));
}
