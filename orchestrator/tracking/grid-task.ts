import type { GridTask } from "../ports/scheduler.ts";

/** One task of a grid job. */
export interface GridTaskName {
  /** The scheduler's number of the grid job. */
  job: string;
  task: number;
}

/**
 * The task that a pilot is: its identity is `JOB.TASK.NONCE`, the nonce because a rerun shares the
 * rest. Null for a pilot that no scheduler started.
 */
export function gridTaskOf(pilot: string): GridTaskName | null {
  const [, job, task] = /^(.+)\.(\d+)\.[^.]+$/.exec(pilot) ?? [];
  return job === undefined || task === undefined ? null : { job, task: Number(task) };
}

/** As schedulers and their users write it: `JOB.TASK`. */
export function gridTaskText({ job, task }: GridTaskName): string {
  return `${job}.${task}`;
}

/** The rows that speak of one task each, by `JOB.TASK`; what is no array is task 1 of itself. */
export function rowsByTask(tasks: readonly GridTask[]): ReadonlyMap<string, GridTask> {
  return new Map(
    tasks.flatMap((row): [string, GridTask][] => {
      const task = row.task ?? (row.tasks === 1 ? 1 : null);
      return task === null ? [] : [[gridTaskText({ job: row.job, task }), row]];
    }),
  );
}

/**
 * The grid jobs of those pilots whose tasks are gone from a whole answer of the scheduler. A row of
 * tasks that wait together holds none that ever had a pilot: one that ran and waits again stands by
 * itself, and the accounting knows it as rescheduled.
 */
export function goneJobs(pilots: readonly string[], tasks: readonly GridTask[]): string[] {
  const rows = rowsByTask(tasks);
  const gone = pilots.flatMap((pilot) => {
    const name = gridTaskOf(pilot);
    return name && !rows.has(gridTaskText(name)) ? [name.job] : [];
  });
  return [...new Set(gone)];
}
