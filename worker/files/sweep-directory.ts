import { existsSync, mkdirSync, readdirSync, readFileSync } from "node:fs";
import path from "node:path";
import { Intent, SweepPlan } from "../contract/trial-files.ts";
import { createFileDurably } from "./durable-write.ts";
import { KnownResults } from "./known-results.ts";
import { readOutlines } from "./spec-outlines.ts";
import { RememberedFiles } from "./remembered-files.ts";
import { type TrialRecord, trialPaths } from "./trial-directory.ts";
import type { SpecOutline, TrialSpec } from "../contract/trial-spec.ts";

export interface SweepPaths {
  directory: string;
  /** The sweep file as launched last. */
  yaml: string;
  plan: string;
  outlines: string;
  results: string;
  intents: string;
  submissions: string;
  pilots: string;
  trials: string;
}

/** The names in a sweep directory: the only place that knows them. */
export function sweepPaths(root: string, sweep: string): SweepPaths {
  return pathsIn(path.join(root, "sweeps", sweep));
}

export function pathsIn(directory: string): SweepPaths {
  return {
    directory,
    yaml: path.join(directory, "sweep.yaml"),
    plan: path.join(directory, "plan.json"),
    outlines: path.join(directory, "outlines.json"),
    results: path.join(directory, "results.json"),
    intents: path.join(directory, "intents"),
    submissions: path.join(directory, "submissions"),
    pilots: path.join(directory, "pilots"),
    trials: path.join(directory, "trials"),
  };
}

/** With thousands of trials a plan takes longer to read than a trial that trains nothing. */
const plans = new RememberedFiles((text) => SweepPlan.parse(JSON.parse(text)));

/** The plan of a launched sweep, or null where there is none. */
export function readPlan({ plan }: SweepPaths): SweepPlan | null {
  return plans.read(plan);
}

/** Writes what the user asked for, before anything is done about it. Later intents come after. */
export function recordIntent({ intents }: SweepPaths, intent: Intent): void {
  mkdirSync(intents, { recursive: true });
  const content = `${JSON.stringify(intent)}\n`;
  let sequence = intentFiles(intents).length + 1;
  while (!createFileDurably(path.join(intents, intentName(sequence)), content)) sequence += 1;
}

/** What the user wants of a trial, after all intents in their order. */
export interface Wish {
  stopped: boolean;
  /** Failures of attempts up to this number no longer count. */
  forgivenAttempt: number;
}

/** Answers, for every trial, what the user's intents amount to. */
export function readWishes({ intents }: SweepPaths): (trial: string) => Wish {
  const files = existsSync(intents) ? intentFiles(intents) : [];
  const asked = files.map((name) =>
    Intent.parse(JSON.parse(readFileSync(path.join(intents, name), "utf8"))),
  );
  return (trial) => wishFor(trial, asked);
}

/**
 * A sweep as its directory has it; the state of each trial is derived from this and from witnesses.
 */
export interface SweepRecord {
  plan: SweepPlan;
  trials: { spec: SpecOutline; record: TrialRecord; wish: Wish }[];
}

/** Reads every trial of a launched sweep, in hand-out order; null where nothing was launched. */
export function readSweep(paths: SweepPaths): SweepRecord | null {
  const plan = readPlan(paths);
  if (plan === null) return null;
  const wishes = readWishes(paths);
  const known = new KnownResults(paths.results);
  const trials = readOutlines(paths, plan.trials).map((spec) => {
    const record = known.record(spec.id, `${paths.trials}/${spec.id}`);
    return { spec, record, wish: wishes(spec.id) };
  });
  known.keep();
  return { plan, trials };
}

/** Sweeps that have a plan, by name. */
export function launchedSweeps(root: string): string[] {
  const sweeps = path.join(root, "sweeps");
  if (!existsSync(sweeps)) return [];
  return readdirSync(sweeps).filter((name) => existsSync(sweepPaths(root, name).plan));
}

/** Writes a trial's spec unless it is there: a spec never changes, its id is its hash. */
export function createTrial(paths: SweepPaths, spec: TrialSpec): void {
  const directory = path.join(paths.trials, spec.id);
  mkdirSync(directory, { recursive: true });
  const file = trialPaths(directory).spec;
  if (!existsSync(file)) createFileDurably(file, `${JSON.stringify(spec, null, 2)}\n`);
}

function intentFiles(intents: string): string[] {
  return readdirSync(intents)
    .filter((name) => /^\d{8}\.json$/.test(name))
    .toSorted();
}

function intentName(sequence: number): string {
  return `${String(sequence).padStart(8, "0")}.json`;
}

function wishFor(trial: string, intents: readonly Intent[]): Wish {
  const wish: Wish = { stopped: false, forgivenAttempt: 0 };
  for (const { kind, trials, after_attempt } of intents) {
    if (trials !== "all" && !trials.includes(trial)) continue;
    wish.stopped = kind === "stop";
    if (kind === "retry") {
      wish.forgivenAttempt = Math.max(wish.forgivenAttempt, after_attempt?.[trial] ?? 0);
    }
  }
  return wish;
}
