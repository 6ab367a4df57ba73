import type { SpecOutline } from "../../worker/contract/trial-spec.ts";
import { gridSights, type PoolSight, poolSights } from "./pool-sight.ts";
import { transition } from "./transition.ts";
import type { GridWitness, SweepSnapshot, Witnesses } from "./witnesses.ts";
import {
  noProgress,
  progressOfEvents,
  progressOfLive,
  progressOfResult,
  type TrialProgress,
} from "./trial-progress.ts";
import { isSettled, type TrialStanding, trialStanding } from "./trial-state.ts";

/** One trial as a user sees it. */
export interface TrialStatus
  extends Pick<SpecOutline, "id" | "arm" | "seed" | "params">, TrialStanding {
  progress: TrialProgress;
}

/** A sweep at one moment. */
export interface SweepStatus {
  sweep: string;
  site: string;
  asOf: Date;
  /** In hand-out order. */
  trials: TrialStatus[];
  /** Pilots that the broker knows, or null when it does not answer. */
  pilots: number | null;
  /** When the broker last answered, of the looks that belong together; null: it has not. */
  brokerAsOf: Date | null;
  /** Null for a site without a scheduler. */
  grid: GridStatus | null;
}

/** A sweep's pilots as the scheduler has them. */
export interface GridStatus {
  /** Of its answer; null where there was none yet. */
  asOf: Date | null;
  /** False: it did not answer now, and this is older. */
  isCurrent: boolean;
  pools: PoolSight[];
}

export interface StatusQuery {
  snapshot: SweepSnapshot;
  witnesses: Witnesses | null;
  /** Null for a site without a scheduler. */
  grid: GridWitness | null;
  /** The end of the events of the newest attempt, by trial, where that was read. */
  events: ReadonlyMap<string, string>;
  asOf: Date;
}

/** Derives what is shown of a sweep from its directory, its broker and its events. */
export function sweepStatus(query: StatusQuery): SweepStatus {
  const { snapshot, witnesses, grid, events, asOf } = query;
  const { plan } = snapshot;
  const pilots = witnesses?.pilots ?? null;
  const sights = grid && gridSights(plan.pools, grid);
  const trials = snapshot.trials.map(({ spec, record, wish }): TrialStatus => {
    const { id, arm, seed, params, epochs } = spec;
    const standing = trialStanding({
      record,
      wish,
      maxFailures: plan.max_failures,
      ages: snapshot.fileAges.get(id) ?? { result: null, exit: null, claim: null },
      lease: witnesses?.leases.get(id),
      pilots,
      grid: sights?.get(id) ?? null,
      asOf,
    });
    const live = witnesses?.live.get(id);
    const text = events.get(id);
    let progress = noProgress(epochs);
    if (record.result) progress = progressOfResult(record.result, epochs);
    else if (live && isShown(live, standing)) progress = progressOfLive(live, epochs);
    else if (text !== undefined) progress = progressOfEvents(text, epochs);
    return { id, arm, seed, params, ...standing, progress };
  });
  return {
    sweep: plan.sweep,
    site: plan.site,
    asOf,
    trials,
    pilots,
    brokerAsOf: witnesses && asOf,
    grid: grid && gridStatus(query, grid, trials),
  };
}

function gridStatus(
  { snapshot, asOf }: StatusQuery,
  grid: GridWitness,
  trials: readonly TrialStatus[],
): GridStatus {
  const { ageSeconds, isCurrent } = grid;
  const states = new Map(trials.map(({ id, state }) => [id, state]));
  return {
    asOf: ageSeconds === null ? null : new Date(asOf.getTime() - ageSeconds * 1000),
    isCurrent,
    pools: poolSights(snapshot.plan.pools, grid, states),
  };
}

/** What may be shown after `before`, given what is seen now: see `transition`. */
export function followingStatus(before: SweepStatus | null, seen: SweepStatus): SweepStatus {
  if (before === null) return seen;
  const answers = { broker: seen.pilots !== null, scheduler: seen.grid?.isCurrent ?? null };
  const known = new Map(before.trials.map((trial) => [trial.id, trial]));
  const trials = seen.trials.map((now): TrialStatus => {
    const was = known.get(now.id) ?? null;
    if (was === null || transition(was, now, answers) === now) return now;
    const isFurther = (now.progress.step ?? -1) > (was.progress.step ?? -1);
    return isFurther ? { ...was, progress: now.progress } : was;
  });
  return { ...seen, trials, brokerAsOf: seen.brokerAsOf ?? before.brokerAsOf };
}

/** The trials of which only events can tell how far they got, with their newest attempt. */
export function trialsToReadEventsOf(
  { trials }: SweepSnapshot,
  witnesses: Witnesses | null,
): { trial: string; attempt: number }[] {
  return trials.flatMap(({ spec, record }) => {
    const newest = record.attempts.at(-1);
    if (!newest || record.result) return [];
    const isRunning = newest.exit === null;
    const isLive = isRunning && witnesses?.live.get(spec.id)?.attempt === newest.attempt;
    return isLive ? [] : [{ trial: spec.id, attempt: newest.attempt }];
  });
}

/** Whether nothing more will happen without the user. */
export function isSweepSettled({ trials }: SweepStatus): boolean {
  return trials.every(({ state }) => isSettled(state));
}

/** Whether a pilot is there or will be, as far as is known. */
export function hasPilots({ pilots, grid }: SweepStatus): boolean {
  return (
    (pilots ?? 0) > 0 || (grid?.pools.some((pool) => pool.running + pool.waiting > 0) ?? false)
  );
}

/** The value of `status --json`. */
export function statusValue({ sweep, site, asOf, trials }: SweepStatus): unknown {
  return {
    sweep,
    site,
    asOf: asOf.toISOString(),
    trials: trials.map(({ id, arm, seed, params, state, attempt, progress, evidence }) => ({
      id,
      arm,
      seed,
      params,
      state,
      attempt,
      epoch: progress.epoch,
      epochs: progress.epochs,
      step: progress.step,
      loss: progress.loss,
      metrics: { cider: progress.cider },
      evidence,
    })),
  };
}

/** What was seen of an attempt stays at the broker after it; it counts for that attempt only. */
function isShown(live: { attempt: number }, { state, attempt }: TrialStanding): boolean {
  return !isSettled(state) && state !== "queued" && state !== "planned" && live.attempt === attempt;
}
