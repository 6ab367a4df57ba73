import path from "node:path";
import { readSweep, type SweepPaths, type SweepRecord } from "../files/sweep-directory.ts";
import { publishResult } from "../files/trial-directory.ts";
import { type Disposition, dispositionOf } from "./disposition.ts";
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
  /** Trials that still need a pilot, now or when a lease runs out. */
  unsettled: number;
}

/** Decides only; each action is safe to repeat. */
export function planSync(sweep: SweepRecord, leases: ReadonlyMap<string, SeenLease>): SyncPlan {
  const plan: SyncPlan = { actions: [], unsettled: 0 };
  for (const { spec, record, wish } of sweep.trials) {
    const trial = spec.id;
    const lease = leases.get(trial);
    const disposition = dispositionOf({ record, wish, maxFailures: sweep.plan.max_failures });
    const isOpen = disposition.kind === "open";
    if (isOpen || disposition.kind === "waiting") plan.unsettled += 1;
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
 * its data, and whenever a pilot has nothing to do. Returns how many trials are unsettled.
 */
export async function syncSweep(paths: SweepPaths, queue: TrialQueue): Promise<number> {
  const leases = await answered(queue.leases.all());
  const sweep = readSweep(paths);
  if (sweep === null) throw new Error(`no plan in ${paths.directory}`);
  const { actions, unsettled } = planSync(sweep, leases);
  const handOuts: HandOut[] = [];
  for (const action of actions) {
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
  await queue.add(handOuts);
  return unsettled;
}
