import type { LiveTrial } from "../../worker/contract/live-trial.ts";
import type { Intent } from "../../worker/contract/trial-files.ts";
import type { SweepRecord } from "../../worker/files/sweep-directory.ts";
import type { SeenLease } from "../../worker/queue/lease-table.ts";

/**
 * Seconds since the files that tell a trial's state were written, by the clock of the machine whose
 * file system holds them; null for a file that is not there. Claim and exit are the newest attempt's.
 */
export interface FileAges {
  result: number | null;
  exit: number | null;
  claim: number | null;
}

/** What the directory of a sweep says. */
export interface SweepSnapshot extends SweepRecord {
  /** By trial. */
  fileAges: ReadonlyMap<string, FileAges>;
}

/** What the broker says; ages are by its own clock. */
export interface Witnesses {
  leases: ReadonlyMap<string, SeenLease>;
  live: ReadonlyMap<string, LiveTrial>;
  /** Pilots of this sweep that are connected, with or without a trial. */
  pilots: number;
}

export interface AttemptFile {
  trial: string;
  attempt: number;
  file: "log" | "events";
  /** Where to begin, in bytes; below zero counts from the end. */
  offset: number;
}

/** A stretch of a file, and where it began: a file may be shorter than the offset asked for. */
export interface FilePart {
  bytes: Buffer;
  start: number;
}

/** What commands need of a launched sweep, wherever its site is. */
export interface SweepAccess {
  readonly sweep: string;
  /** Where a trial is kept on the site, as an absolute path. */
  trialDirectory(trial: string): string;
  read(): Promise<SweepSnapshot>;
  /** Null when no broker answers in a moment: that says nothing about pilots and trials. */
  witnesses(): Promise<Witnesses | null>;
  /** Lasting once this returns; pilots find it by themselves. */
  recordIntent(intent: Intent): Promise<void>;
  /** At most a mebibyte from the offset on; empty at the end, and where there is no file. */
  readPart(file: AttemptFile): Promise<FilePart>;
  close(): Promise<void>;
}

/**
 * Opens a launched sweep by its name or its file; the caller closes it. Throws Failure
 * `sweep-unknown`, or what is wrong with the file.
 */
export type OpenSweep = (nameOrFile: string) => Promise<SweepAccess>;
