import { existsSync, mkdirSync, readFileSync, statSync } from "node:fs";
import { type FeatureUser, ReaderMark } from "../contract/feature-files.ts";
import { createFileDurably, removeIfPossible } from "../files/durable-write.ts";
import { errorCode } from "../files/error-code.ts";
import { type FeaturePaths, listReaderMarks, readerMark } from "../files/feature-directory.ts";
import { claimedAttempts, readExit, trialPaths } from "../files/trial-directory.ts";

/** Says that an attempt reads the features of a key, which are then not removed. */
export function markReader(paths: FeaturePaths, reader: FeatureUser): void {
  const file = readerMark(paths, reader.trial, reader.attempt);
  if (existsSync(file)) return;
  mkdirSync(paths.readers, { recursive: true });
  const mark: ReaderMark = { version: 1, reader };
  createFileDurably(file, `${JSON.stringify(mark)}\n`);
}

export function unmarkReader(paths: FeaturePaths, { trial, attempt }: FeatureUser): void {
  removeIfPossible(readerMark(paths, trial, attempt));
}

/** Whether an attempt that may still run reads the features in a key's directory. */
export function hasReader(directory: string): boolean {
  return listReaderMarks(directory).some((file) => {
    try {
      return !isOver(ReaderMark.parse(JSON.parse(readFileSync(file, "utf8"))).reader);
    } catch (error) {
      // A mark that its owner just took away is none; one that cannot be read may be anybody's.
      return errorCode(error) !== "ENOENT";
    }
  });
}

/**
 * Whether an attempt is over, by evidence: its exit record, its trial's result, a higher claim, or
 * a trial directory that is gone. Silence is none, and neither is what cannot be read.
 */
export function isOver({ trial_directory: directory, attempt }: FeatureUser): boolean {
  try {
    if (statSync(directory, { throwIfNoEntry: false }) === undefined) return true;
    if (existsSync(trialPaths(directory).result)) return true;
    if ((claimedAttempts(directory).at(-1) ?? 0) > attempt) return true;
    return readExit(directory, attempt) !== null;
  } catch {
    return false;
  }
}
