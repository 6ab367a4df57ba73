import path from "node:path";
import { readPlan, readWishes, type SweepPaths } from "../files/sweep-directory.ts";
import { claimAttempt, publishResult, readTrialRecord } from "../files/trial-directory.ts";
import { answered } from "../queue/broker-connection.ts";
import { type Disposition, dispositionOf } from "../queue/disposition.ts";
import type { LeaseTable } from "../queue/lease-table.ts";

/** Other pilots can take that many attempts of one trial from under us before we let it be. */
const MAX_TRIES = 5;

/** What a trial's directory says now. */
export function readDisposition(paths: SweepPaths, trial: string): Disposition {
  const plan = readPlan(paths);
  if (plan === null) throw new Error(`no plan in ${paths.directory}`);
  return dispositionOf({
    record: readTrialRecord(path.join(paths.trials, trial)),
    wish: readWishes(paths)(trial),
    maxFailures: plan.max_failures,
  });
}

export interface ClaimQuery {
  paths: SweepPaths;
  leases: LeaseTable;
  trial: string;
  pilot: string;
}

/**
 * Claims the attempt of a handed-out trial that is due, superseding one whose lease ran out. Null
 * if there is nothing to do: another pilot is at it, or it is settled.
 */
export async function claimTrial({
  paths,
  leases,
  trial,
  pilot,
}: ClaimQuery): Promise<number | null> {
  const trialDirectory = path.join(paths.trials, trial);
  for (let tries = 0; tries < MAX_TRIES; tries += 1) {
    const disposition = readDisposition(paths, trial);
    if (disposition.kind === "unpublished") publishResult(trialDirectory, disposition.attempt);
    const attempt = await attemptDue(disposition, leases, trial);
    if (attempt === null) return null;
    if (!claimAttempt(trialDirectory, attempt, pilot)) continue;
    if (await answered(leases.hold(trial, attempt, pilot))) return attempt;
  }
  return null;
}

async function attemptDue(
  disposition: Disposition,
  leases: LeaseTable,
  trial: string,
): Promise<number | null> {
  if (disposition.kind === "waiting") return disposition.attempt;
  if (disposition.kind !== "open" || disposition.isLastTry) return null;
  const { attempt } = disposition;
  return (await answered(leases.supersede(trial, attempt))) ? attempt + 1 : null;
}
