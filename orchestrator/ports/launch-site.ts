import type { ResolvedSweep } from "../sweep/resolve-sweep.ts";

/** What a launch changes in the sweep's directory. */
export interface LaunchChanges {
  added: number;
  kept: number;
  /** Trials no longer in the sweep file: their directories stay, nobody is given them. */
  removed: number;
}

/** A site as `launch` needs it. Every call is safe to repeat. */
export interface LaunchSite {
  /** Writes the sweep, its plan and its trials; lifts an earlier stop. */
  record(sweep: ResolvedSweep): Promise<LaunchChanges>;
  /** Makes sure that an engine is installed, and that the broker answers and knows the sweep. */
  prepare(sweep: ResolvedSweep): Promise<void>;
  /** Trials that need a pilot, now or when another one's lease runs out. */
  unsettledTrials(sweep: ResolvedSweep): Promise<number>;
  livePilots(sweep: ResolvedSweep): Promise<number>;
  submitPilots(sweep: ResolvedSweep, pilots: number): Promise<void>;
}
