import { mkdirSync } from "node:fs";
import { userInfo } from "node:os";
import path from "node:path";
import { setTimeout as delay } from "node:timers/promises";
import type { Failure } from "../../worker/contract/failure.ts";
import { createFileDurably } from "../../worker/files/durable-write.ts";
import { submissionPaths } from "../../worker/files/submission-directory.ts";
import type { CommandResult } from "../ports/remote-host.ts";
import type { GridArray, GridEnd, GridReport, Scheduler } from "../ports/scheduler.ts";
import type { ClusterSite } from "../sweep/site-config.ts";
import { gridEnds } from "../sge/accounting.ts";
import { gridFailure, impossible, isUnanswered, unreachable } from "../sge/grid-failure.ts";
import { gridJobName, gridScript } from "../sge/grid-script.ts";
import { type Verdict, verdictOf } from "../sge/qsub-answer.ts";
import { type QstatRow, qstatRows } from "../sge/qstat-rows.ts";
import { hasTask } from "../sge/task-ranges.ts";
import { type CommandRunner, gridCommands } from "./grid-command.ts";
import { type QstatReport, SchedulerCache, submittedRow } from "./scheduler-cache.ts";
import {
  findSubmitted,
  type FindSteps,
  latestAttempt,
  QSUB_SECONDS,
  submitOnce,
} from "./submit-once.ts";
import { taskBody } from "./task-body.ts";

export interface SgeSettings {
  site: ClusterSite;
  /** Whose grid jobs `report` is about; otherwise those of who runs this. */
  user?: string;
  /** Further variables for Grid Engine's commands. */
  environment?: Readonly<Record<string, string>>;
  /** Runs Grid Engine's commands; otherwise as processes of this host. */
  run?: CommandRunner;
  pause?: (seconds: number) => Promise<void>;
}

/** Grid jobs in one qdel. */
const BATCH = 50;

/** Grid Engine, from a host where its commands are and where the site's root is mounted. */
export class SgeScheduler implements Scheduler {
  readonly #site: ClusterSite;
  readonly #user: string;
  readonly #run: CommandRunner;
  readonly #pause: (seconds: number) => Promise<void>;
  readonly #cache: SchedulerCache;

  constructor({ site, user, environment, run, pause }: SgeSettings) {
    this.#site = site;
    this.#user = user ?? userInfo().username;
    this.#run = run ?? gridCommands(environment);
    this.#pause = pause ?? ((seconds) => delay(seconds * 1000));
    this.#cache = new SchedulerCache({
      directory: path.join(site.root, "scheduler"),
      pollSeconds: site.sge.pollSeconds,
      pause: this.#pause,
    });
  }

  async submit(array: GridArray): Promise<string> {
    const { directory } = array;
    const script = this.#writeScript(array);
    if (latestAttempt(directory) === 0) {
      const { runnable, reasons } = await this.verify(array);
      if (!runnable) throw impossible(reasons);
    }
    const job = await submitOnce({
      ...this.#findSteps(array),
      ask: () => this.#run(["timeout", "-k", "5", String(QSUB_SECONDS), "qsub", "-terse", script]),
    });
    const row = submittedRow(job, gridJobName(array), array.atOnce * array.slices);
    await this.#cache.revise((rows) =>
      rows.some((one) => one.job === job) ? rows : [...rows, row],
    );
    return job;
  }

  async find(array: GridArray): Promise<string | null> {
    return findSubmitted(this.#findSteps(array));
  }

  #findSteps(array: GridArray): FindSteps {
    const { directory, token } = array;
    const beginning = gridJobName({ token, label: "" });
    return {
      directory,
      findShown: async () => {
        const { tasks } = await this.#rows();
        return tasks.find((row) => row.name.startsWith(beginning))?.job ?? null;
      },
      findEnded: async () => (await this.#accounting(gridJobName(array)))[0]?.job ?? null,
      reportSeconds: this.#site.sge.pollSeconds,
      pause: this.#pause,
    };
  }

  /**
   * Whether any host could ever run the request, by `qsub -w v`; nothing is submitted. Throws
   * Failure `scheduler-refused` where Grid Engine refuses the request itself.
   */
  async verify(array: GridArray): Promise<Verdict> {
    const verdict = await this.#verdict(this.#writeScript(array));
    const isVague = verdict.reasons.every((reason) => /\bin PE\b/.test(reason));
    if (verdict.runnable || !isVague || this.#site.sge.parallelEnvironment === null) return verdict;
    // Of a parallel environment it only says that there are no slots: each host tells more.
    const { reasons } = await this.#verdict(this.#writeOneSlotScript(array));
    return { runnable: false, reasons: [...reasons, ...verdict.reasons] };
  }

  async #verdict(script: string): Promise<Verdict> {
    const result = await this.#run(["qsub", "-w", "v", script]);
    const verdict = verdictOf(`${result.stdout}\n${result.stderr}`);
    if (verdict === null || isUnanswered(result)) throw gridFailure("qsub -w v", result);
    return verdict;
  }

  async report(): Promise<GridReport> {
    return this.#rows();
  }

  /** The last answer there was, for when `report` fails; null before the first. */
  lastReport(): GridReport | null {
    return this.#cache.last();
  }

  async ended(job: string): Promise<GridEnd[]> {
    const { tasks } = await this.#rows();
    const rows = tasks.filter((row) => row.job === job);
    const ends = await this.#accounting(job);
    return ends.filter((end) => end.job === job && !rows.some((row) => shows(row, end.task)));
  }

  async cancel(jobs: readonly string[]): Promise<void> {
    for (let first = 0; first < jobs.length; first += BATCH) {
      const result = await this.#run(["qdel", ...jobs.slice(first, first + BATCH)]);
      if (result.status !== 0 && !onlyUnknown(result)) throw gridFailure("qdel", result);
    }
    if (jobs.length === 0) return;
    await this.#cache.revise((rows) =>
      rows.map((row) => (jobs.includes(row.job) ? { ...row, state: "deleting" } : row)),
    );
  }

  #rows(): Promise<QstatReport> {
    return this.#cache.report(async () => {
      const result = await this.#run(["qstat", "-u", this.#user, "-xml"]);
      if (result.status !== 0) throw notAnswered(gridFailure("qstat", result));
      const rows = qstatRows(result.stdout);
      if (rows === null) throw unreachable("qstat's answer is not whole");
      return rows;
    });
  }

  /** What the accounting has of a grid job, by number or name; none until some time after. */
  async #accounting(job: string): Promise<GridEnd[]> {
    const result = await this.#run(["qacct", "-j", job]);
    if (result.status === 0) return gridEnds(result.stdout);
    if (/not found|no jobs running since startup/.test(`${result.stdout}${result.stderr}`)) {
      return [];
    }
    throw notAnswered(gridFailure("qacct", result));
  }

  #writeScript(array: GridArray): string {
    const { script } = submissionPaths(array.directory);
    mkdirSync(array.directory, { recursive: true });
    mkdirSync(array.logs, { recursive: true });
    const body = taskBody(array.program);
    createFileDurably(script, gridScript({ array, site: this.#site, body }));
    return script;
  }

  #writeOneSlotScript(array: GridArray): string {
    const file = path.join(array.directory, "script-of-one-slot");
    const one = { ...array, request: { ...array.request, slots: 1 } };
    const sge = { ...this.#site.sge, parallelEnvironment: null };
    createFileDurably(file, gridScript({ array: one, site: { ...this.#site, sge }, body: "" }));
    return file;
  }
}

function shows(row: QstatRow, task: number | null): boolean {
  return row.ranges === null || task === null || hasTask(row.ranges, task);
}

/** Whether qdel complains of nothing but grid jobs that are gone. */
function onlyUnknown(result: CommandResult): boolean {
  const lines = `${result.stdout}\n${result.stderr}`
    .split("\n")
    .filter((line) => line.trim() !== "");
  return lines.every((line) => /does not exist|has deleted|has registered|already in/.test(line));
}

/** Whatever a question failed for, there was no answer to it. */
function notAnswered(failure: Failure): Failure {
  return failure.reason === "scheduler-refused" ? unreachable(failure.message, failure) : failure;
}
