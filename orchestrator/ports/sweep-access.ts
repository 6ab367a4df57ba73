import type { Intent } from "../../worker/contract/trial-files.ts";
import type { SweepSnapshot, Witnesses } from "../tracking/witnesses.ts";

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
