import type { LiveTrial } from "../../worker/contract/live-trial.ts";
import type { Submission } from "../../worker/files/submission-directory.ts";
import type { SweepRecord } from "../../worker/files/sweep-directory.ts";
import type { SeenLease } from "../../worker/queue/lease-table.ts";
import type { GridEnd, GridTask } from "../ports/scheduler.ts";

/**
 * Seconds since the file was written that a trial's state rests on, by the clock of the machine
 * whose file system holds it: the result, else the newest attempt's exit record, else its claim.
 * Null for the others.
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

/** What the site's scheduler says of this sweep's pilots. */
export interface GridWitness {
  /**
   * Age of the scheduler's newest whole answer; null where it gave none yet: then `tasks` is empty
   * and says nothing.
   */
  ageSeconds: number | null;
  /** False: it did not answer now, and this is the last answer it gave. */
  isCurrent: boolean;
  /** This user's grid jobs that wait or run, those of other sweeps among them. */
  tasks: GridTask[];
  /** What was submitted for this sweep. */
  submissions: Submission[];
  /** The accounting's last word, if any, on those pilots asked about whose tasks are gone. */
  ends: GridEnd[];
  /** Tasks that ended before their pilot was there. */
  failedSetUps: FailedSetUp[];
}

/** A task of which no pilot came: what comes before it ended with an error. */
export interface FailedSetUp {
  pool: string;
  /** `JOB.TASK` */
  task: string;
  why: string;
}
