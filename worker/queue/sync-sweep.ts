import path from "node:path";
import { readSweep, type SweepPaths, type SweepRecord } from "../files/sweep-directory.ts";
import { publishResult } from "../files/trial-directory.ts";
import { type Disposition, dispositionOf, isHeld } from "./disposition.ts";
import type { SeenLease } from "./lease-table.ts";
import { answered } from "./broker-connection.ts";
import type { HandOut, TrialQueue } from "./trial-queue.ts";

/** What the queue must be told, given what the directories and the leases say. */
export type SyncAction =
  | { kind: "hand-out"; handOut: HandOut }
  | { kind: "publish"; trial: string; attempt: number }
  /**
   * A claim nobody holds a lease for: given one lease of time, as the broker may have been lost.
   */
  | { kind: "register"; trial: string; attempt: number; pilot: string }
  | { kind: "release"; trial: string; attempt: number };

export interface SyncPlan {
  actions: SyncAction[];
  /** As `unsettledTrials`. */
  unsettled: string[];
}

/** Trials that need a pilot, now or when a lease runs out. */
function unsettledTrials({ plan, trials }: SweepRecord): string[] {
  return trials
    .filter(({ record, wish }) => {
      const { kind } = dispositionOf({ record, wish, maxFailures: plan.max_failures });
      return kind === "open" || kind === "waiting";
    })
    .map(({ spec }) => spec.id);
}

/** Decides only; each action is safe to repeat. */
export function planSync(sweep: SweepRecord, leases: ReadonlyMap<string, SeenLease>): SyncPlan {
  const plan: SyncPlan = { actions: [], unsettled: unsettledTrials(sweep) };
  for (const { spec, record, wish } of sweep.trials) {
    const trial = spec.id;
    const lease = leases.get(trial);
    const disposition = dispositionOf({ record, wish, maxFailures: sweep.plan.max_failures });
    if (isHeld(disposition, lease)) {
      plan.unsettled = plan.unsettled.filter((id) => id !== trial);
      continue;
    }
    const isOpen = disposition.kind === "open";
    if (lease && !(isOpen && lease.attempt >= disposition.attempt)) {
      plan.actions.push({ kind: "release", trial, attempt: lease.attempt });
    }
    const pilot = record.attempts.at(-1)?.claim?.pilot ?? "unknown";
    const action = actionFor({ trial, disposition, lease, pilot });
    if (action) plan.actions.push(action);
  }
  return plan;
}

interface ActionQuery {
  trial: string;
  disposition: Disposition;
  lease: SeenLease | undefined;
  /** Who claimed the newest attempt. */
  pilot: string;
}

function actionFor({ trial, disposition, lease, pilot }: ActionQuery): SyncAction | null {
  switch (disposition.kind) {
    case "waiting":
      return { kind: "hand-out", handOut: { trial, attempt: disposition.attempt } };
    case "unpublished":
      return { kind: "publish", trial, attempt: disposition.attempt };
    case "open": {
      const { attempt } = disposition;
      if (!lease) return { kind: "register", trial, attempt, pilot };
      // Whoever pulls it asks the broker again whether the silence lasted a whole lease.
      if (lease.expired) return { kind: "hand-out", handOut: { trial, attempt: attempt + 1 } };
      return null;
    }
    case "finished":
    case "stopped":
    case "failed":
      return null;
    default:
      return disposition satisfies never;
  }
}

/**
 * Brings a sweep's queue in line with its trial directories: after a launch, after the broker lost
 * its data, and whenever a pilot has nothing to do. Returns how many trials of each pool of the
 * plan are unsettled: they need a pilot, now or when a lease runs out.
 */
export async function syncSweep(
  paths: SweepPaths,
  queue: TrialQueue,
): Promise<ReadonlyMap<string, number>> {
  const { sweep, plan } = await bringInLine(paths, queue);
  const open = new Set(plan.unsettled);
  return new Map(
    sweep.plan.pools.map(({ pool, trials }) => {
      return [pool, trials.filter((trial) => open.has(trial)).length];
    }),
  );
}

/** What a sync found of a sweep, and has done about it. */
export interface Synced {
  sweep: SweepRecord;
  plan: SyncPlan;
}

/** As `syncSweep`; returns all that it found. */
export async function bringInLine(paths: SweepPaths, queue: TrialQueue): Promise<Synced> {
  const leases = await answered(queue.leases.all());
  const sweep = readSweep(paths);
  if (sweep === null) throw new Error(`no plan in ${paths.directory}`);
  const plan = planSync(sweep, leases);
  const handOuts: HandOut[] = [];
  for (const action of plan.actions) {
    switch (action.kind) {
      case "hand-out":
        handOuts.push(action.handOut);
        break;
      case "publish":
        publishResult(path.join(paths.trials, action.trial), action.attempt);
        break;
      case "register":
        if (!(await answered(queue.leases.hold(action.trial, action.attempt, action.pilot)))) {
          handOuts.push({ trial: action.trial, attempt: action.attempt + 1 });
        }
        break;
      case "release":
        await answered(queue.leases.release(action.trial, action.attempt));
        break;
      default:
        action satisfies never;
    }
  }
  for (const { pool, trials } of sweep.plan.pools) {
    const own = new Set(trials);
    await queue.add(
      handOuts.filter(({ trial }) => own.has(trial)),
      pool,
    );
  }
  return { sweep, plan };
}
