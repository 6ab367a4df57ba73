import type { AttemptFailure } from "../../worker/contract/trial-files.ts";
import type { Wish } from "../../worker/files/sweep-directory.ts";
import type { TrialRecord } from "../../worker/files/trial-directory.ts";
import { type Disposition, dispositionOf, isHeld } from "../../worker/queue/disposition.ts";
import type { SeenLease } from "../../worker/queue/lease-table.ts";
import { VANISHED_LIMIT } from "../../worker/queue/retry-rules.ts";
import type { GridTask } from "../ports/scheduler.ts";
import { gridTaskOf, gridTaskText } from "./grid-task.ts";
import type { FileAges } from "./witnesses.ts";

/** From what a pilot has in hand to what nobody will touch again. */
export const TRIAL_STATES = [
  "running",
  "stopping",
  "unreachable",
  "queued",
  "planned",
  "stopped",
  "finished",
  "failed",
] as const;
export type TrialState = (typeof TRIAL_STATES)[number];

/**
 * What a state rests on, and how old that is by the witness's own clock: files by the clock of
 * their machine, leases by the broker's, the scheduler's answer by that of whoever asked it. Null
 * where the age is not known, and for a witness that was asked and did not answer.
 */
export interface Evidence {
  witness: "result" | "exit" | "claim" | "lease" | "intent" | "broker" | "scheduler";
  ageSeconds: number | null;
}

/** Who has a trial in hand, as far as is known. */
export interface PilotSight {
  pilot: string;
  host: string | null;
  /** `JOB.TASK` of its grid job, where a scheduler runs it. */
  task: string | null;
  /** The scheduler's own word for the state of that; null where it does not name the task. */
  shown: string | null;
}

export interface TrialStanding {
  state: TrialState;
  /** The newest attempt, or null before the first. */
  attempt: number | null;
  /** Whether that attempt has not ended, as far as files tell. */
  isUnderWay: boolean;
  pilot: PilotSight | null;
  /** Why the trial failed. */
  failure: AttemptFailure | null;
  /** Why it is held back: see `isHeld`. */
  held: string | null;
  evidence: Evidence[];
  /** When the witnesses were asked that this rests on. */
  asOf: Date;
}

/** What the scheduler says, as one trial needs it. */
export interface GridSight {
  /** Of the answer; null where there was none yet. */
  ageSeconds: number | null;
  /** By `JOB.TASK`. */
  rows: ReadonlyMap<string, GridTask>;
  /** Pilots of the trial's pool that run or will. */
  livePilots: number;
}

export interface StandingQuery {
  record: TrialRecord;
  wish: Wish;
  maxFailures: number;
  ages: FileAges;
  lease: SeenLease | undefined;
  /** Pilots that the broker knows, or null when it does not answer. */
  pilots: number | null;
  /** Null for a site without a scheduler. */
  grid: GridSight | null;
  asOf: Date;
}

/**
 * Derives a trial's state from what witnesses say. Silence is never failure: an attempt under way
 * that nobody has heard of is `unreachable`, and the scheduler not naming its task changes nothing.
 * A trial that waits is `queued` while a pilot is known that could take it, and else `planned`.
 * Where no broker answers, an attempt whose task the scheduler shows as running is `running`.
 */
export function trialStanding(query: StandingQuery): TrialStanding {
  const { record, wish, maxFailures, ages } = query;
  const disposition = dispositionOf({ record, wish, maxFailures });
  const newest = record.attempts.at(-1);
  const found = atRest(query);
  const exit: Evidence = { witness: "exit", ageSeconds: ages.exit };
  switch (disposition.kind) {
    case "finished": {
      const evidence: Evidence[] = [{ witness: "result", ageSeconds: ages.result }];
      return { ...found, state: "finished", attempt: record.result?.attempt ?? null, evidence };
    }
    case "unpublished":
      return { ...found, state: "finished", attempt: disposition.attempt, evidence: [exit] };
    case "failed":
      return { ...found, state: "failed", failure: disposition.failure, evidence: [exit] };
    case "stopped":
      return { ...found, state: "stopped", evidence: newest ? [INTENT, exit] : [INTENT] };
    case "open":
      return underWay(query, disposition);
    case "waiting":
      return waiting(query, disposition);
    default:
      return disposition satisfies never;
  }
}

/** Intents carry the time of another machine's clock: no age is taken from it. */
const INTENT: Evidence = { witness: "intent", ageSeconds: null };

/** States in which nothing more will happen without the user. */
export function isSettled(state: TrialState): boolean {
  return state === "finished" || state === "failed" || state === "stopped";
}

type AtRest = Omit<TrialStanding, "state" | "evidence">;

function atRest({ record, asOf }: StandingQuery): AtRest {
  const attempt = record.attempts.at(-1)?.attempt ?? null;
  return { attempt, isUnderWay: false, pilot: null, failure: null, held: null, asOf };
}

function underWay(
  query: StandingQuery,
  disposition: Disposition & { kind: "open" },
): TrialStanding {
  const { record, ages, lease, pilots, grid } = query;
  const claim: Evidence = { witness: "claim", ageSeconds: ages.claim };
  if (isHeldBy(lease, disposition.attempt)) return inHand(query, lease, [claim]);
  const owner = record.attempts.at(-1)?.claim ?? null;
  const pilot = owner && pilotSight(owner.pilot, owner.host, grid);
  const found = { ...atRest(query), isUnderWay: true, pilot };
  const evidence = [claim, lease ? leaseEvidence(lease) : broker(pilots), ...scheduler(grid)];
  const row = pilot?.task ? grid?.rows.get(pilot.task) : undefined;
  if (pilots === null && row?.state === "running") {
    return { ...found, ...wished(query, evidence) };
  }
  if (isHeld(disposition, lease)) return { ...found, state: "stopped", held: VANISHED, evidence };
  return { ...found, state: "unreachable", evidence };
}

const VANISHED = `${VANISHED_LIMIT} attempts in a row vanished with their pilots`;

function waiting(query: StandingQuery, { attempt }: { attempt: number }): TrialStanding {
  const { lease, pilots, grid } = query;
  // Its claim is on its way through the file system.
  if (isHeldBy(lease, attempt)) return inHand(query, lease, []);
  const isExpected = (pilots ?? 0) > 0 || (grid?.livePilots ?? 0) > 0;
  const evidence = [broker(pilots), ...scheduler(grid)];
  return { ...atRest(query), state: isExpected ? "queued" : "planned", evidence };
}

function isHeldBy(lease: SeenLease | undefined, attempt: number): lease is SeenLease {
  return lease !== undefined && !lease.expired && lease.attempt >= attempt;
}

function inHand(query: StandingQuery, lease: SeenLease, claim: readonly Evidence[]): TrialStanding {
  const { record, grid } = query;
  const owner = record.attempts.find(({ attempt }) => attempt === lease.attempt)?.claim;
  const pilot = pilotSight(lease.pilot, owner?.host ?? null, grid);
  const found = { ...atRest(query), attempt: lease.attempt, isUnderWay: true, pilot };
  return { ...found, ...wished(query, [...claim, leaseEvidence(lease)]) };
}

function wished(
  { wish }: StandingQuery,
  evidence: Evidence[],
): Pick<TrialStanding, "state" | "evidence"> {
  if (!wish.stopped) return { state: "running", evidence };
  return { state: "stopping", evidence: [...evidence, INTENT] };
}

function pilotSight(pilot: string, host: string | null, grid: GridSight | null): PilotSight {
  const name = grid && gridTaskOf(pilot);
  const task = name && gridTaskText(name);
  const row = task === null ? undefined : grid?.rows.get(task);
  return { pilot, host: host ?? row?.host ?? null, task, shown: row?.shown ?? null };
}

function leaseEvidence({ ageSeconds }: SeenLease): Evidence {
  return { witness: "lease", ageSeconds };
}

function broker(pilots: number | null): Evidence {
  return { witness: "broker", ageSeconds: pilots === null ? null : 0 };
}

function scheduler(grid: GridSight | null): Evidence[] {
  return grid ? [{ witness: "scheduler", ageSeconds: grid.ageSeconds }] : [];
}
