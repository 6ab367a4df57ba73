import type { AttemptExit, AttemptFailure } from "../../worker/contract/trial-files.ts";
import { dispositionOf } from "../../worker/queue/disposition.ts";
import type { GridEnd } from "../ports/scheduler.ts";
import { gridTaskOf, gridTaskText, rowsByTask } from "./grid-task.ts";
import type { GridWitness, SweepSnapshot, Witnesses } from "./witnesses.ts";

/** What evidence allows to be done about a trial. Each is safe to repeat, and to do too late. */
export type ReconcileAction =
  /** An attempt finished, and its pilot is not there to make its result the trial's. */
  | { kind: "publish"; trial: string; attempt: number }
  /**
   * Writes the exit record that the newest attempt of a trial lacks, unless one was written
   * meanwhile. Should its trainer live against all evidence, what it writes itself at its end takes
   * the place of this record: an attempt's own word is stronger, and its result counts.
   */
  | { kind: "record-end"; trial: string; attempt: number; exit: AttemptExit };

export interface ReconcileQuery {
  snapshot: SweepSnapshot;
  /** Null: no broker answered. */
  witnesses: Witnesses | null;
  /** Null for a site without a scheduler. */
  grid: GridWitness | null;
  /** Steps done by the newest attempt of each trial, as far as is known. */
  steps: ReadonlyMap<string, number>;
}

/** A claim younger than this may belong to a task that the scheduler's answer does not know yet. */
const GRACE_SECONDS = 60;

/**
 * Decides what to do about attempts that nobody speaks for. An attempt is taken for over only where
 * three agree: a current answer of the scheduler no longer shows its task, the accounting has its
 * last word on it, and, where a broker answers, its lease was silent for a whole lease.
 */
export function reconcile({ snapshot, witnesses, grid, steps }: ReconcileQuery): ReconcileAction[] {
  const over = grid ? overTasks(grid) : new Map<string, GridEnd>();
  return snapshot.trials.flatMap(({ spec, record, wish }): ReconcileAction[] => {
    const trial = spec.id;
    const maxFailures = snapshot.plan.max_failures;
    const disposition = dispositionOf({ record, wish, maxFailures });
    if (disposition.kind === "unpublished") {
      return [{ kind: "publish", trial, attempt: disposition.attempt }];
    }
    if (disposition.kind !== "open") return [];
    const { attempt } = disposition;
    const name = gridTaskOf(record.attempts.at(-1)?.claim?.pilot ?? "");
    const end = name && over.get(gridTaskText(name));
    if (!end || !isSilent(witnesses, trial)) return [];
    const claimAge = snapshot.fileAges.get(trial)?.claim ?? 0;
    if (claimAge < GRACE_SECONDS + (grid?.ageSeconds ?? 0)) return [];
    const failure = failureOf(end);
    const step = steps.get(trial) ?? 0;
    return [
      {
        kind: "record-end",
        trial,
        attempt,
        exit: { version: 1, outcome: "failed", step, failure },
      },
    ];
  });
}

/**
 * Pilots of open attempts for which no lease speaks: what became of them only the scheduler knows.
 */
export function silentPilots({ trials }: SweepSnapshot, witnesses: Witnesses | null): string[] {
  const pilots = trials.flatMap(({ spec, record }) => {
    const newest = record.attempts.at(-1);
    if (!newest?.claim || newest.exit || record.result) return [];
    const lease = witnesses?.leases.get(spec.id);
    return lease && !lease.expired ? [] : [newest.claim.pilot];
  });
  return [...new Set(pilots)];
}

/** Tasks that are certainly over, by `JOB.TASK`. */
function overTasks({ isCurrent, tasks, ends }: GridWitness): Map<string, GridEnd> {
  if (!isCurrent) return new Map();
  const rows = rowsByTask(tasks);
  return new Map(
    ends.flatMap((end): [string, GridEnd][] => {
      // A grid job that is no array is one task, by the number its script gives it.
      const name = gridTaskText({ job: end.job, task: end.task ?? 1 });
      const isOver = !rows.has(name) && end.how !== "rescheduled" && end.how !== "setup";
      return isOver ? [[name, end]] : [];
    }),
  );
}

/** A broker that answers and has no lease has not counted the silence yet. */
function isSilent(witnesses: Witnesses | null, trial: string): boolean {
  return witnesses === null || witnesses.leases.get(trial)?.expired === true;
}

const SIGNALS: Record<number, string> = { 137: "SIGKILL", 138: "SIGUSR1", 140: "SIGUSR2" };

/** The failure that the accounting's last word amounts to; `said` is kept for people. */
export function failureOf(end: GridEnd): AttemptFailure {
  const { reason, what } = classified(end);
  const where = end.host === null ? "" : ` on ${end.host}`;
  const name = gridTaskText({ job: end.job, task: end.task ?? 1 });
  return { reason, message: `grid job ${name}${where} ${what} (${end.said})`, retryable: true };
}

function classified({ how, status }: GridEnd): { reason: AttemptFailure["reason"]; what: string } {
  switch (how) {
    case "walltime":
      return { reason: "walltime", what: "was ended at its walltime" };
    case "node-lost":
      return { reason: "node-lost", what: "was lost with its node" };
    case "killed":
      return { reason: "pilot-killed", what: killed(status) };
    case "exit":
      // A shell says 128 + n of a program that signal n killed.
      if (status > 128) return { reason: "pilot-killed", what: killed(status) };
      return { reason: "unknown", what: `ended with status ${status} and left no exit record` };
    case "setup":
    case "rescheduled":
    case "unknown":
      return { reason: "unknown", what: "failed" };
    default:
      return how satisfies never;
  }
}

/** Nothing tells a kill for want of memory from one by a person. */
function killed(status: number): string {
  const signal = SIGNALS[status] ?? `signal ${status - 128}`;
  return `was killed by ${signal}${signal === "SIGKILL" ? ", perhaps out of memory" : ""}`;
}
