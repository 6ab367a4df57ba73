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
