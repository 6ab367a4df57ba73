import type { AttemptFailure } from "../contract/trial-files.ts";

type Reason = AttemptFailure["reason"];

/**
 * How many failures in a row without progress end a trial; 1: it is not tried again. The reasons
 * under `max_failures`, the sweep's own number, are counted together, every other one by itself.
 * What keeps pilots from coming to a trial at all (set-up, a refusal by the scheduler) fails no
 * attempt and is not here: status names it for the pool.
 */
const FAILURE_LIMITS: Record<Reason, number | "max_failures"> = {
  "nan-loss": 1,
  "data-missing": 1,
  "data-invalid": 1,
  "model-missing": 1,
  "model-invalid": 1,
  "engine-missing": 1,
  "slice-too-short": 1,
  /** What else runs on the machine may have taken the memory. */
  "out-of-memory": 2,
  /** A trial that advances in each of its grid jobs is never ended by this. */
  walltime: 3,
  /** Another node may tell. */
  "gpu-unknown": 3,
  "node-lost": 5,
  "disk-full": "max_failures",
  "trainer-killed": "max_failures",
  "trainer-crashed": "max_failures",
  "pilot-killed": "max_failures",
  unknown: "max_failures",
};

/** Counts the failures of a trial in the order of its attempts. */
export class FailureCount {
  readonly #maxFailures: number;
  readonly #counts = new Map<string, number>();

  constructor(maxFailures: number) {
    this.#maxFailures = maxFailures;
  }

  /** An attempt got further than any before it. */
  progressed(): void {
    this.#counts.clear();
  }

  /** Whether this failure ends the trial. */
  isFinal({ reason, retryable }: AttemptFailure): boolean {
    const limit = FAILURE_LIMITS[reason];
    const counted = limit === "max_failures" ? limit : reason;
    const count = (this.#counts.get(counted) ?? 0) + 1;
    this.#counts.set(counted, count);
    return !retryable || count >= (limit === "max_failures" ? this.#maxFailures : limit);
  }
}

/**
 * Attempts in a row that vanished with their pilots, without an exit record and without progress in
 * between, after which a trial is held: it may be what takes its nodes down.
 */
export const VANISHED_LIMIT = 5;
