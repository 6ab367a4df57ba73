import type { AttemptFailure } from "../contract/trial-files.ts";
import type { Wish } from "../files/sweep-directory.ts";
import type { AttemptRecord, TrialRecord } from "../files/trial-directory.ts";
import type { SeenLease } from "./lease-table.ts";
import { FailureCount, VANISHED_LIMIT } from "./retry-rules.ts";

/** What a trial's own directory says is to happen with it next. */
export type Disposition =
  | { kind: "finished" }
  /** An attempt finished, and its pilot died before making its result the trial's. */
  | { kind: "unpublished"; attempt: number }
  /**
   * The newest attempt has no exit record: it runs, or its pilot died. Leases tell. `isLastTry`:
   * if it falls silent too, it is not superseded; see `isHeld`.
   */
  | { kind: "open"; attempt: number; isLastTry: boolean }
  | { kind: "stopped"; attempt: number }
  | { kind: "failed"; attempt: number; failure: AttemptFailure }
  /** To be handed out as this attempt. */
  | { kind: "waiting"; attempt: number };

export interface DispositionQuery {
  record: TrialRecord;
  wish: Wish;
  /** Retryable failures without progress before the trial counts as failed. */
  maxFailures: number;
}

/**
 * Decides from evidence on disk alone. An attempt is never taken for failed without its exit
 * record.
 */
export function dispositionOf({ record, wish, maxFailures }: DispositionQuery): Disposition {
  if (record.result) return { kind: "finished" };
  const finished = record.attempts.find(({ exit }) => exit?.outcome === "finished");
  if (finished) return { kind: "unpublished", attempt: finished.attempt };
  const newest = record.attempts.at(-1);
  const attempt = newest?.attempt ?? 0;
  const judged = record.attempts.filter((one) => one.attempt > wish.forgivenAttempt);
  if (newest?.exit === null) {
    return { kind: "open", attempt, isLastTry: vanishedInARow(judged) >= VANISHED_LIMIT };
  }
  const failure = finalFailure(judged, maxFailures);
  if (failure) return { kind: "failed", attempt, failure };
  if (wish.stopped) return { kind: "stopped", attempt };
  return { kind: "waiting", attempt: attempt + 1 };
}

/**
 * Whether a trial is held back: attempt after attempt vanished with its pilot, the newest one too,
 * by the broker's word. Nothing says that the trial is at fault, so it is not failed; but it may be
 * what takes its nodes down, so nobody goes on with it before the user says `retry`. An attempt that
 * is heard of again is not held.
 */
export function isHeld(disposition: Disposition, lease: SeenLease | undefined): boolean {
  if (disposition.kind !== "open" || !disposition.isLastTry || !lease) return false;
  return lease.expired && lease.attempt <= disposition.attempt;
}

/**
 * The failure that ends a trial: one that no retry can mend, or the last of too many in a row of
 * which none got further than an attempt before it.
 */
function finalFailure(
  attempts: readonly AttemptRecord[],
  maxFailures: number,
): AttemptFailure | null {
  const failures = new FailureCount(maxFailures);
  let furthestStep = 0;
  for (const { exit } of attempts) {
    if (exit === null) continue;
    if (exit.step > furthestStep) failures.progressed();
    furthestStep = Math.max(furthestStep, exit.step);
    if (exit.outcome === "failed" && failures.isFinal(exit.failure)) return exit.failure;
  }
  return null;
}

/**
 * Attempts without an exit record since the last that got further than those before it, by its exit
 * record or by its checkpoints.
 */
function vanishedInARow(attempts: readonly AttemptRecord[]): number {
  let furthestStep = 0;
  let vanished = 0;
  for (const { exit, checkpointStep } of attempts) {
    const step = exit?.step ?? checkpointStep ?? 0;
    if (step > furthestStep) vanished = 0;
    furthestStep = Math.max(furthestStep, step);
    if (exit === null) vanished += 1;
  }
  return vanished;
}
