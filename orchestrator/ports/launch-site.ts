import type { ResolvedSweep } from "../sweep/resolve-sweep.ts";

/** What a launch changes in the sweep's directory. */
export interface LaunchChanges {
  added: string[];
  kept: string[];
  /** Launched before and no longer in the sweep file. */
  removed: string[];
}

/** What a pool of pilots has to do, and who is at it. */
export interface PoolNeed {
  pool: string;
  /** Trials that need a pilot, now or when another one's lease runs out. */
  unsettled: number;
  /** Pilots that run or wait to run, at most as many as may run at once. */
  live: number;
}

/** A site as `launch` needs it. Every call is safe to repeat. */
export interface LaunchSite {
  /** What recording the sweep would change; changes nothing. */
  compare(sweep: ResolvedSweep): Promise<LaunchChanges>;
  /**
   * Writes the sweep, its plan and its trials; lifts an earlier stop. Removed trials stay in the
   * plan and go on, unless they are to be pruned: then they are stopped and leave it.
   */
  record(sweep: ResolvedSweep, options: { prune: boolean }): Promise<LaunchChanges>;
  /** Makes sure of an engine and, where it has no grid job of its own, of a broker. */
  prepare(sweep: ResolvedSweep): Promise<void>;
  pools(sweep: ResolvedSweep): Promise<PoolNeed[]>;
  submitPilots(sweep: ResolvedSweep, order: { pool: string; pilots: number }): Promise<void>;
  /** Submits the broker's own grid job where the site has one and none is under way. */
  submitBroker(sweep: ResolvedSweep): Promise<void>;
}
