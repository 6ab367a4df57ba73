import { Failure } from "../../worker/contract/failure.ts";
import { readSubmissions, type Submission } from "../../worker/files/submission-directory.ts";
import { readTaskExits } from "../../worker/files/task-exit.ts";
import type { GridEnd, GridReport, Scheduler } from "../ports/scheduler.ts";
import { goneJobs, gridTaskText } from "../tracking/grid-task.ts";
import { idleJobs } from "../tracking/live-pilots.ts";
import type { FailedSetUp, GridWitness } from "../tracking/witnesses.ts";

/** Asks a scheduler about one sweep's pilots; keeps its last whole answer for when it is away. */
export class GridLook {
  readonly #scheduler: Scheduler;
  readonly #submissions: string;
  #last: { report: GridReport; milliseconds: number } | null = null;
  /** What the accounting said of a grid job, and when it was asked. */
  readonly #accounted = new Map<string, { ends: GridEnd[]; milliseconds: number }>();

  /** `submissions`: the folder of the sweep's. */
  constructor(scheduler: Scheduler, submissions: string) {
    this.#scheduler = scheduler;
    this.#submissions = submissions;
  }

  /** See `SweepAccess.grid`. */
  async look(silent: readonly string[]): Promise<GridWitness> {
    const report = await unlessAway(this.#scheduler.report());
    const now = performance.now();
    if (report) this.#last = { report, milliseconds: now };
    const tasks = this.#last?.report.tasks ?? [];
    const ageSeconds =
      this.#last && this.#last.report.ageSeconds + (now - this.#last.milliseconds) / 1000;
    // Read after the report: a task that it shows belongs to a submission that was kept before.
    const submissions = readSubmissions(this.#submissions);
    const answered = report && now - report.ageSeconds * 1000;
    const ends = answered === null ? [] : await this.#ends(goneJobs(silent, tasks), answered);
    if (report) await this.#remove(idleJobs({ submissions, tasks }));
    const failedSetUps = submissions.flatMap(failedSetUpsOf);
    return { ageSeconds, isCurrent: report !== null, tasks, submissions, ends, failedSetUps };
  }

  /** Left to themselves these grid jobs end as well: that they cannot be removed is no failure. */
  async #remove(jobs: readonly string[]): Promise<void> {
    try {
      await this.#scheduler.cancel(jobs);
    } catch (error) {
      if (!(error instanceof Failure)) throw error;
    }
  }

  /**
   * The accounting is a large file, read anew for each grid job: they are looked up one after the
   * other, and each once for an answer of the scheduler, however often this looks.
   */
  async #ends(jobs: readonly string[], answeredMilliseconds: number): Promise<GridEnd[]> {
    const all: GridEnd[] = [];
    for (const job of jobs) {
      const known = this.#accounted.get(job);
      if (known && known.milliseconds >= answeredMilliseconds) {
        all.push(...known.ends);
        continue;
      }
      const milliseconds = performance.now();
      const ends = (await unlessAway(this.#scheduler.ended(job))) ?? [];
      this.#accounted.set(job, { ends, milliseconds });
      all.push(...ends);
    }
    return all;
  }
}

/** Statuses of `jobs/task.sh` for what comes before its program. */
const SET_UP_STATUSES: Record<number, string> = {
  71: "a set-up line failed",
  72: "there is no `module` command",
  73: "there is no Node after the set-up lines",
  74: "Node is too old",
};

function failedSetUpsOf({ pool, directory, isDone }: Submission): FailedSetUp[] {
  if (pool === null || isDone) return [];
  return readTaskExits(directory).flatMap(({ job, task, status }) => {
    const why = SET_UP_STATUSES[status];
    return why === undefined ? [] : [{ pool, task: gridTaskText({ job, task }), why }];
  });
}

/** Null where the scheduler gave no answer. */
async function unlessAway<T>(answer: Promise<T>): Promise<T | null> {
  try {
    return await answer;
  } catch (error) {
    if (error instanceof Failure && error.reason === "scheduler-unreachable") return null;
    throw error;
  }
}
