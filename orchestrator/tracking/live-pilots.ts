import type { Submission } from "../../worker/files/submission-directory.ts";
import { gridName, type GridTask } from "../ports/scheduler.ts";

export interface PilotQuery {
  /** Of one pool. */
  submissions: readonly Pick<Submission, "token" | "at_once" | "isDone" | "left">[];
  tasks: readonly GridTask[];
}

/**
 * How many pilots of a pool run or will, as a scheduler's report has it. Those that have signed
 * off, and tasks that can only find everything done, do not count; nor does one in an error state.
 */
export function livePilots({ submissions, tasks }: PilotQuery): number {
  let live = 0;
  for (const { token, at_once: atOnce, isDone, left } of submissions) {
    if (isDone) continue;
    const own = tasks.filter(
      ({ name, task, state }) =>
        name.startsWith(gridName(token, "")) &&
        state !== "error" &&
        state !== "deleting" &&
        !(task !== null && left.includes(task)),
    );
    live += Math.min(
      atOnce,
      own.reduce((sum, { tasks: count }) => sum + count, 0),
    );
  }
  return live;
}

/**
 * Grid jobs of which nothing runs and nothing is wanted: every trial was settled, and what still
 * waits could only end at once, after having waited for a place like any other.
 */
export function idleJobs({ submissions, tasks }: PilotQuery): string[] {
  const jobs = submissions.flatMap(({ token, isDone }) => {
    const own = isDone ? tasks.filter(({ name }) => name.startsWith(gridName(token, ""))) : [];
    return own.every(({ state }) => IDLE_STATES.has(state)) ? own.map(({ job }) => job) : [];
  });
  return [...new Set(jobs)];
}

const IDLE_STATES: ReadonlySet<GridTask["state"]> = new Set(["waiting", "held", "error"]);
