import type { AttemptFailure } from "../../worker/contract/trial-files.ts";
import type { Wish } from "../../worker/files/sweep-directory.ts";
import type { TrialRecord } from "../../worker/files/trial-directory.ts";
import { type Disposition, dispositionOf } from "../../worker/queue/disposition.ts";
import type { SeenLease } from "../../worker/queue/lease-table.ts";
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
 * their machine, leases by the broker's. Null where the age is not known, and for a broker that was
 * asked and did not answer.
 */
export interface Evidence {
  witness: "result" | "exit" | "claim" | "lease" | "intent" | "broker";
  ageSeconds: number | null;
}

export interface TrialStanding {
  state: TrialState;
  /** The newest attempt, or null before the first. */
  attempt: number | null;
  /** Who has the trial in hand, as far as is known. */
  pilot: string | null;
  /** Why the trial failed. */
  failure: AttemptFailure | null;
  evidence: Evidence[];
}

export interface StandingQuery {
  record: TrialRecord;
  wish: Wish;
  maxFailures: number;
  ages: FileAges;
  lease: SeenLease | undefined;
  /** Pilots that the broker knows, or null when it does not answer. */
  pilots: number | null;
}

/**
 * Derives a trial's state from what witnesses say. Silence is never failure: an attempt under way
 * that nobody has heard of is `unreachable`. A trial that waits is `queued` while the broker
 * knows a pilot, and else `planned`.
 */
export function trialStanding(query: StandingQuery): TrialStanding {
  const { record, wish, maxFailures, ages } = query;
  const disposition = dispositionOf({ record, wish, maxFailures });
  const newest = record.attempts.at(-1);
  const found = {
    attempt: newest?.attempt ?? null,
    pilot: null,
    failure: null,
  };
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
    case "waiting":
      return unsettled(query, disposition);
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

function unsettled(
  { record, wish, ages, lease, pilots }: StandingQuery,
  { kind, attempt }: Disposition & { attempt: number },
): TrialStanding {
  const newest = record.attempts.at(-1);
  const broker: Evidence = { witness: "broker", ageSeconds: pilots === null ? null : 0 };
  const heard: Evidence[] = lease ? [{ witness: "lease", ageSeconds: lease.ageSeconds }] : [broker];
  const isClaimed = kind === "open";
  const claim: Evidence[] = isClaimed ? [{ witness: "claim", ageSeconds: ages.claim }] : [];
  const found = { attempt: newest?.attempt ?? null, pilot: null, failure: null };
  if (lease && !lease.expired && lease.attempt >= attempt) {
    const state = wish.stopped ? "stopping" : "running";
    const evidence = [...claim, ...heard, ...(wish.stopped ? [INTENT] : [])];
    return { ...found, state, attempt: lease.attempt, pilot: lease.pilot, evidence };
  }
  if (isClaimed) {
    const pilot = newest?.claim?.pilot ?? null;
    return { ...found, state: "unreachable", pilot, evidence: [...claim, ...heard] };
  }
  const state = pilots === null || pilots === 0 ? "planned" : "queued";
  return { ...found, state, evidence: [broker] };
}
