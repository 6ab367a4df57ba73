import type { FeatureSettings } from "../contract/feature-files.ts";
import type { EngineInfo } from "../contract/trial-event.ts";
import type { TrialResult } from "../contract/trial-files.ts";
import type { TrialSpec } from "../contract/trial-spec.ts";
import type { AttemptClock, AttemptControl } from "./attempt-control.ts";
import type { EventLog } from "./event-log.ts";

/** What every kind of trial needs to know of the attempt it runs in. */
export interface AttemptContext {
  spec: TrialSpec;
  trialDirectory: string;
  attempt: number;
  engine: EngineInfo;
  /** Null where no features are stored. */
  features: FeatureSettings | null;
  control: AttemptControl;
  clock: AttemptClock;
  log: EventLog;
  /** Takes note of the optimiser steps done, for the exit record. */
  reached: (step: number) => void;
}

/** What a trial of any kind comes to when it is not stopped. */
export interface Conclusion {
  result: TrialResult;
  /** Text of `predictions.json`. */
  predictions: string;
}

/** A trial's findings as its result, with what the context knows added. */
export function trialResult(
  { spec, attempt, engine, clock }: AttemptContext,
  found: Omit<TrialResult, "version" | "trial" | "attempt" | "engine" | "finished_at">,
): TrialResult {
  const finished_at = clock.now().toISOString();
  return { version: 1, trial: spec.id, attempt, engine, finished_at, ...found };
}
