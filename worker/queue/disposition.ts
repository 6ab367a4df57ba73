import type { AttemptFailure } from "../contract/trial-files.ts";
import type { Wish } from "../files/sweep-directory.ts";
import type { AttemptRecord, TrialRecord } from "../files/trial-directory.ts";

/** What a trial's own directory says is to happen with it next. */
export type Disposition =
  | { kind: "finished" }
  /** An attempt finished, and its pilot died before making its result the trial's. */
  | { kind: "unpublished"; attempt: number }
  /** The newest attempt has no exit record: it runs, or its pilot died. Leases tell. */
  | { kind: "open"; attempt: number }
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
  if (newest && newest.exit === null) return { kind: "open", attempt: newest.attempt };
  const attempt = newest?.attempt ?? 0;
  const judged = record.attempts.filter((one) => one.attempt > wish.forgivenAttempt);
  const failure = finalFailure(judged, maxFailures);
  if (failure) return { kind: "failed", attempt, failure };
  if (wish.stopped) return { kind: "stopped", attempt };
  return { kind: "waiting", attempt: attempt + 1 };
}

/**
 * The failure that ends a trial: one that no retry can mend, or the last of `maxFailures` in a row
 * of which none got further than an attempt before it.
 */
function finalFailure(
  attempts: readonly AttemptRecord[],
  maxFailures: number,
): AttemptFailure | null {
  let furthestStep = -1;
  let failures = 0;
  for (const { exit } of attempts) {
    if (exit === null) continue;
    const advanced = exit.step > furthestStep;
    furthestStep = Math.max(furthestStep, exit.step);
    if (exit.outcome !== "failed") continue;
    failures = advanced ? 1 : failures + 1;
    if (!exit.failure.retryable || failures >= maxFailures) return exit.failure;
  }
  return null;
}
