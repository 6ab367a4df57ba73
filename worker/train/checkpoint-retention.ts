import { existsSync } from "node:fs";
import { readdir, rename, rm } from "node:fs/promises";
import path from "node:path";
import { errorCode } from "../files/error-code.ts";
import { attemptNumbers, attemptPaths } from "../files/trial-directory.ts";
import { readManifest } from "./checkpoint.ts";

export interface RetentionOptions {
  trialDirectory: string;
  /** The attempt that asks; it has just completed the checkpoint `keep.last`. */
  attempt: number;
  /** Relative to the trial directory. */
  keep: { last: string; best: string | null };
}

/**
 * Deletes the checkpoints that the newest one makes superfluous. In the attempt's own directory
 * that is all but `keep`. In an earlier attempt's directory it is
 * - resumable ones that are not ahead of `keep.last`: every attempt of a trial takes the
 *   same steps;
 * - all but `keep`, once an exit record says that the attempt is over and it left no result. An
 * attempt without one may still be alive, finish, and name its best weights in the trial's result.
 */
export async function pruneCheckpoints(options: RetentionOptions): Promise<void> {
  const { trialDirectory, attempt, keep } = options;
  const { step } = await readManifest(path.join(trialDirectory, keep.last));
  for (const earlier of attemptNumbers(trialDirectory)) {
    if (earlier > attempt) continue;
    const paths = attemptPaths(trialDirectory, earlier);
    if (!existsSync(paths.checkpoints)) continue;
    const over = earlier === attempt || (existsSync(paths.exit) && !existsSync(paths.result));
    for (const name of await readdir(paths.checkpoints)) {
      const directory = path.join(paths.checkpoints, name);
      const relative = path.relative(trialDirectory, directory);
      if (relative === keep.last || relative === keep.best) continue;
      if (over || (await isPassed(directory, step))) await removeCheckpoint(directory);
    }
  }
}

async function isPassed(directory: string, step: number): Promise<boolean> {
  try {
    const manifest = await readManifest(directory);
    return manifest.kind === "resumable" && manifest.step <= step;
  } catch {
    return false;
  }
}

/**
 * A deletion cut short leaves a name that begins with a dot, never half a checkpoint. Another
 * attempt that deletes the same one at the same time is welcome to it.
 */
async function removeCheckpoint(directory: string): Promise<void> {
  const hidden = path.join(path.dirname(directory), `.removed-${path.basename(directory)}`);
  try {
    await rename(directory, hidden);
  } catch (error) {
    if (errorCode(error) === "ENOENT") return;
    throw error;
  }
  await rm(hidden, { recursive: true, force: true });
}
