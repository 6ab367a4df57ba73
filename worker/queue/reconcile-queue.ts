import { readPlan, type SweepPaths } from "../files/sweep-directory.ts";
import { bringInLine } from "./sync-sweep.ts";
import type { TrialQueue } from "./trial-queue.ts";

/** How a sweep's queue differed from its directory, before both were brought in line. */
export interface QueueChanges {
  rebuilt: boolean;
  /** Hand-outs that wait for a pilot. */
  waiting: number;
  /** How many more they are than before: pilots may have pulled some meanwhile. */
  missing: number;
  /** Trials whose finished attempt had not been made their result. */
  published: string[];
  /** Trials with a claim that no lease spoke for: each is given one lease of time. */
  registered: string[];
  /** Trials with a lease of an attempt that is over. */
  released: string[];
}

/**
 * Brings a sweep's queue in line with its trial directories; `rebuild` makes the broker forget the
 * sweep first. Safe to repeat, and while pilots are at work: whoever pulls an entry reads the
 * directory again, and for one lease after a rebuild nothing is superseded.
 */
export async function reconcileQueue(
  paths: SweepPaths,
  queue: TrialQueue,
  { rebuild }: { rebuild: boolean },
): Promise<QueueChanges> {
  if (rebuild) await queue.forget();
  const pools = readPlan(paths)?.pools.map(({ pool }) => pool) ?? [];
  const before = await queue.countWaiting(pools);
  const { plan } = await bringInLine(paths, queue);
  const trials = (kind: "publish" | "register" | "release"): string[] =>
    plan.actions.flatMap((action) => (action.kind === kind ? [action.trial] : []));
  const waiting = await queue.countWaiting(pools);
  return {
    rebuilt: rebuild,
    waiting,
    missing: Math.max(0, waiting - before),
    published: trials("publish"),
    registered: trials("register"),
    released: trials("release"),
  };
}
