import type { LiveTrial } from "../../worker/contract/live-trial.ts";
import type { SweepRecord } from "../../worker/files/sweep-directory.ts";
import type { SeenLease } from "../../worker/queue/lease-table.ts";

/**
 * Seconds since the files that tell a trial's state were written, by the clock of the machine whose
 * file system holds them; null for a file that is not there. Claim and exit are the newest
 * attempt's.
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
