import type { Writable } from "node:stream";
import type { Intent } from "../../worker/contract/trial-files.ts";
import type { QueueChanges } from "../../worker/queue/reconcile-queue.ts";
import type { ReconcileAction } from "../tracking/reconcile.ts";
import type { GridWitness, SweepSnapshot, Witnesses } from "../tracking/witnesses.ts";

export interface AttemptFile {
  trial: string;
  attempt: number;
  file: "log" | "events";
  /** Where to begin, in bytes; below zero counts from the end. */
  offset: number;
}

/** A file by its path in the trial's directory. */
export interface TrialFile {
  trial: string;
  path: string;
  /** Where to begin, in bytes. */
  offset: number;
  /** Told how many bytes have come. */
  onProgress?: (bytes: number) => void;
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
  isLaunched(): Promise<boolean>;
  read(): Promise<SweepSnapshot>;
  /** Null when no broker answers in a moment: that says nothing about pilots and trials. */
  witnesses(): Promise<Witnesses | null>;
  /**
   * What the scheduler says; null for a site without one. `silent` are pilots of attempts that are
   * open and that nothing else speaks for: what became of them is looked up where their tasks are
   * gone. No answer is never an empty one: see `GridWitness.isCurrent`.
   */
  grid(silent: readonly string[]): Promise<GridWitness | null>;
  /** Does what evidence allows. Safe to repeat, and nothing happens where that came too late. */
  apply(action: ReconcileAction): Promise<void>;
  /**
   * Brings the queue in line with the trial directories; `rebuild` has the broker forget the sweep
   * first. Null when no broker answers. Safe to repeat, also while pilots are at work.
   */
  reconcile(options: { rebuild: boolean }): Promise<QueueChanges | null>;
  /** Lasting once this returns; pilots find it by themselves. */
  recordIntent(intent: Intent): Promise<void>;
  /** At most a mebibyte from the offset on; empty at the end, and where there is no file. */
  readPart(file: AttemptFile): Promise<FilePart>;
  /**
   * Writes a file of a trial's directory from the offset on, and ends the target. Throws Failure
   * `file-invalid` where there is none.
   */
  download(file: TrialFile, target: Writable): Promise<void>;
  close(): Promise<void>;
}

/**
 * Opens a launched sweep by its name or its file; the caller closes it. Throws Failure
 * `sweep-unknown`, or what is wrong with the file.
 */
export type OpenSweep = (nameOrFile: string) => Promise<SweepAccess>;
