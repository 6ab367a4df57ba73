import type { SweepPlan } from "../../worker/contract/trial-files.ts";
import { gridName } from "../ports/scheduler.ts";
import { gridTaskText, rowsByTask } from "./grid-task.ts";
import { livePilots } from "./live-pilots.ts";
import type { GridSight, TrialState } from "./trial-state.ts";
import type { FailedSetUp, GridWitness } from "./witnesses.ts";

type Pool = SweepPlan["pools"][number];

/** The pilots of one pool as the scheduler has them, and what there is for them to do. */
export interface PoolSight {
  pool: string;
  running: number;
  /** Those that will run as soon as there is a place for them. */
  waiting: number;
  /** In an error state: they never start by themselves. */
  errors: { task: string; shown: string }[];
  /** Tasks that ended before their pilot was there, while no pilot gets further. */
  failedSetUps: FailedSetUp[];
  /** Trials that no pilot has in hand and that want one. */
  trialsWaiting: number;
}

/** The pools of a sweep; `states` are its trials'. */
export function poolSights(
  pools: readonly Pool[],
  { submissions, tasks, failedSetUps }: GridWitness,
  states: ReadonlyMap<string, TrialState>,
): PoolSight[] {
  return pools.map(({ pool, trials }): PoolSight => {
    const own = submissions.filter((submission) => submission.pool === pool);
    const prefixes = own.filter(({ isDone }) => !isDone).map(({ token }) => gridName(token, ""));
    const rows = tasks.filter(({ name }) => prefixes.some((prefix) => name.startsWith(prefix)));
    const running = rows.filter(({ state }) => state === "running" || state === "suspended").length;
    const live = livePilots({ submissions: own, tasks });
    const errors = rows.filter(({ state }) => state === "error");
    return {
      pool,
      running,
      waiting: Math.max(0, live - running),
      errors: errors.map(({ job, task, shown }) => {
        return { task: task === null ? job : gridTaskText({ job, task }), shown };
      }),
      failedSetUps: running > 0 ? [] : failedSetUps.filter((one) => one.pool === pool),
      trialsWaiting: trials.filter((trial) => isWaiting(states.get(trial))).length,
    };
  });
}

/** What the scheduler's answer means for each trial: its pool's pilots, and all rows. */
export function gridSights(
  pools: readonly Pool[],
  { ageSeconds, submissions, tasks }: GridWitness,
): ReadonlyMap<string, GridSight> {
  const rows = rowsByTask(tasks);
  return new Map(
    pools.flatMap(({ pool, trials }): [string, GridSight][] => {
      const own = submissions.filter((submission) => submission.pool === pool);
      const live = livePilots({ submissions: own, tasks });
      const sight: GridSight = { ageSeconds, rows, livePilots: live };
      return trials.map((trial) => [trial, sight]);
    }),
  );
}

function isWaiting(state: TrialState | undefined): boolean {
  return state === "queued" || state === "planned" || state === "unreachable";
}
