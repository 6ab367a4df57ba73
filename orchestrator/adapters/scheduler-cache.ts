import { randomBytes } from "node:crypto";
import { existsSync, mkdirSync, readFileSync, rmSync } from "node:fs";
import path from "node:path";
import { z } from "zod";
import { Failure, FAILURE_REASONS } from "../../worker/contract/failure.ts";
import { createFileDurably, writeFileDurably } from "../../worker/files/durable-write.ts";
import type { GridTask } from "../ports/scheduler.ts";
import type { QstatRow } from "../sge/qstat-rows.ts";
import { fileAgeSeconds, fileClock } from "./file-clock.ts";

const Row: z.ZodType<QstatRow> = z.strictObject({
  job: z.string(),
  task: z.number().int().nullable(),
  tasks: z.number().int(),
  name: z.string(),
  state: z.enum(["waiting", "held", "running", "suspended", "deleting", "error"]),
  shown: z.string(),
  host: z.string().nullable(),
  ranges: z
    .array(z.strictObject({ first: z.number(), last: z.number(), step: z.number() }))
    .nullable(),
});

/** `answer.json`: the last answer, whose `askedAt` is by the clock of the file system. */
const Answer = z.strictObject({
  version: z.literal(1),
  askedAt: z.number(),
  tasks: z.array(Row),
});
type Answer = z.infer<typeof Answer>;

/** `failure.json`: that there was none to the last question. */
const NoAnswer = z.strictObject({
  version: z.literal(1),
  askedAt: z.number(),
  error: z.object({
    reason: z.enum(FAILURE_REASONS),
    message: z.string(),
    remedy: z.string(),
  }),
});

/** An answer with every row as the scheduler gave it. */
export interface QstatReport {
  ageSeconds: number;
  tasks: QstatRow[];
}

export interface SchedulerCacheSettings {
  /** One for all processes of a user, on any host. */
  directory: string;
  /** Least time between two questions. */
  pollSeconds: number;
  pause: (seconds: number) => Promise<void>;
}

/** A holder that asks is done by then, or dead: a command of Grid Engine is given 75 s. */
const STALE_SECONDS = 120;
const WAIT_SECONDS = 0.25;

/**
 * The scheduler's last answer, shared by all processes of a user through files, so that however
 * many watch, it is asked once an interval. Ages are by the one clock of the file system.
 */
export class SchedulerCache {
  readonly #settings: SchedulerCacheSettings;
  readonly #answer: string;
  readonly #failure: string;
  readonly #lock: string;

  constructor(settings: SchedulerCacheSettings) {
    this.#settings = settings;
    this.#answer = path.join(settings.directory, "answer.json");
    this.#failure = path.join(settings.directory, "failure.json");
    this.#lock = path.join(settings.directory, "asking");
  }

  /**
   * An answer younger than the interval: one that is there, or that of `ask`. Throws what `ask`
   * did, also to others within the interval; the last answer stays readable meanwhile.
   */
  async report(ask: () => Promise<QstatRow[]>): Promise<QstatReport> {
    return this.#fresh() ?? this.#locked(async () => this.#fresh() ?? this.#asked(ask));
  }

  /** The last answer, however old; null before the first. */
  last(): QstatReport | null {
    const answer = this.#readAnswer();
    return answer === null ? null : this.#reportOf(answer);
  }

  /** Brings the last answer up to what is known to have been done since. */
  async revise(change: (tasks: QstatRow[]) => QstatRow[]): Promise<void> {
    await this.#locked(async () => {
      const answer = this.#readAnswer();
      if (answer) this.#write(this.#answer, { ...answer, tasks: change(answer.tasks) });
    });
  }

  async #asked(ask: () => Promise<QstatRow[]>): Promise<QstatReport> {
    const askedAt = fileClock(this.#settings.directory);
    try {
      const answer: Answer = { version: 1, askedAt, tasks: await ask() };
      this.#write(this.#answer, answer);
      return this.#reportOf(answer);
    } catch (error) {
      if (error instanceof Failure) this.#write(this.#failure, { version: 1, askedAt, error });
      throw error;
    }
  }

  #fresh(): QstatReport | null {
    const answer = this.#readAnswer();
    const failed = read(this.#failure, NoAnswer);
    if (failed && failed.askedAt > (answer?.askedAt ?? 0)) {
      if (this.#isFresh(this.#age(failed.askedAt))) throw new Failure(failed.error);
      return null;
    }
    const report = answer === null ? null : this.#reportOf(answer);
    return report && this.#isFresh(report.ageSeconds) ? report : null;
  }

  /** A clock that was set back gives negative ages: then nothing is known to be fresh. */
  #isFresh(ageSeconds: number): boolean {
    return ageSeconds >= 0 && ageSeconds < this.#settings.pollSeconds;
  }

  #reportOf({ askedAt, tasks }: Answer): QstatReport {
    return { ageSeconds: this.#age(askedAt), tasks };
  }

  #age(askedAt: number): number {
    return (fileClock(this.#settings.directory) - askedAt) / 1000;
  }

  #readAnswer(): Answer | null {
    return read(this.#answer, Answer);
  }

  #write(file: string, content: object): void {
    writeFileDurably(file, `${JSON.stringify(content)}\n`);
  }

  async #locked<T>(act: () => Promise<T>): Promise<T> {
    mkdirSync(this.#settings.directory, { recursive: true });
    const holder = randomBytes(8).toString("hex");
    while (!createFileDurably(this.#lock, holder)) {
      const age = fileAgeSeconds(this.#lock);
      if (age !== null && Math.abs(age) > STALE_SECONDS) rmSync(this.#lock, { force: true });
      else await this.#settings.pause(WAIT_SECONDS);
    }
    try {
      return await act();
    } finally {
      if (existsSync(this.#lock) && readFileSync(this.#lock, "utf8") === holder) {
        rmSync(this.#lock, { force: true });
      }
    }
  }
}

/** A file that another version wrote, or nobody, counts as none. */
function read<T>(file: string, schema: z.ZodType<T>): T | null {
  if (!existsSync(file)) return null;
  return schema.safeParse(JSON.parse(readFileSync(file, "utf8"))).data ?? null;
}

/** A row for a grid job that was submitted after the scheduler was asked. */
export function submittedRow(job: string, name: string, tasks: number): QstatRow {
  const state: GridTask["state"] = "waiting";
  const ranges = [{ first: 1, last: tasks, step: 1 }];
  return { job, task: tasks === 1 ? 1 : null, tasks, name, state, shown: "qw", host: null, ranges };
}
