import { randomBytes } from "node:crypto";
import { rmSync, statSync, writeFileSync } from "node:fs";
import path from "node:path";

/**
 * Milliseconds by the clock that stamps files in a directory. On a shared file system that is its
 * server's, so that ages of files are the same for all hosts, however wrong their own clocks are.
 */
export function fileClock(directory: string): number {
  const probe = path.join(directory, `.clock-${randomBytes(6).toString("hex")}`);
  writeFileSync(probe, "0");
  try {
    return statSync(probe).mtimeMs;
  } finally {
    rmSync(probe);
  }
}

/** Seconds since a file was written, null without one. Negative if the clock was set back. */
export function fileAgeSeconds(file: string): number | null {
  const written = statSync(file, { throwIfNoEntry: false })?.mtimeMs;
  return written === undefined ? null : (fileClock(path.dirname(file)) - written) / 1000;
}
