import type { TrialSpec } from "../../worker/contract/trial-spec.ts";
import type { SweepSnapshot, Witnesses } from "./witnesses.ts";
import {
  noProgress,
  plannedEpochs,
  progressOfEvents,
  progressOfLive,
  progressOfResult,
  type TrialProgress,
} from "./trial-progress.ts";
import { isSettled, type TrialStanding, trialStanding } from "./trial-state.ts";

/** One trial as a user sees it. */
export interface TrialStatus
  extends Pick<TrialSpec, "id" | "arm" | "seed" | "params">, TrialStanding {
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
}

export interface StatusQuery {
  snapshot: SweepSnapshot;
  witnesses: Witnesses | null;
  /** The end of the events of the newest attempt, by trial, where that was read. */
  events: ReadonlyMap<string, string>;
  asOf: Date;
}

/** Derives what is shown of a sweep from its directory, its broker and its events. */
export function sweepStatus({ snapshot, witnesses, events, asOf }: StatusQuery): SweepStatus {
  const { plan } = snapshot;
  const pilots = witnesses?.pilots ?? null;
  const trials = snapshot.trials.map(({ spec, record, wish }): TrialStatus => {
    const { id, arm, seed, params } = spec;
    const standing = trialStanding({
      record,
      wish,
      maxFailures: plan.max_failures,
      ages: snapshot.fileAges.get(id) ?? { result: null, exit: null, claim: null },
      lease: witnesses?.leases.get(id),
      pilots,
    });
    const epochs = plannedEpochs(spec.recipe);
    const live = witnesses?.live.get(id);
    const text = events.get(id);
    let progress = noProgress(epochs);
    if (record.result) progress = progressOfResult(record.result, epochs);
    else if (live && isShown(live, standing)) progress = progressOfLive(live, epochs);
    else if (text !== undefined) progress = progressOfEvents(text, epochs);
    return { id, arm, seed, params, ...standing, progress };
  });
  return { sweep: plan.sweep, site: plan.site, asOf, trials, pilots };
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
