import { spawn } from "node:child_process";
import { existsSync, mkdirSync, readdirSync, readFileSync } from "node:fs";
import { availableParallelism } from "node:os";
import path from "node:path";
import { fileURLToPath } from "node:url";
import { z } from "zod";
import { Failure } from "../../worker/contract/failure.ts";
import { writeFileDurably } from "../../worker/files/durable-write.ts";
import {
  acceptGridJob,
  readAcceptedJob,
  signOffFile,
} from "../../worker/files/submission-directory.ts";
import { launchedSweeps, sweepPaths } from "../../worker/files/sweep-directory.ts";
import {
  type GridArray,
  type GridEnd,
  gridName,
  type GridReport,
  type GridTask,
  type Scheduler,
} from "../ports/scheduler.ts";

/** Times a killed pilot is followed by a new one. */
const SLICES = 20;

/** A process as it can be told from a later one with the same number. */
const LocalTask = z.strictObject({
  pid: z.number().int().positive(),
  /** Start time in clock ticks since boot, where the system tells it. */
  started: z.string().nullable(),
});

/** Runs pilots as processes of this machine, each in a session of its own under a keeper. */
export class LocalScheduler implements Scheduler {
  readonly #keeper = fileURLToPath(new URL("../../../jobs/local-pilot.sh", import.meta.url));
  readonly #root: string;

  constructor(root: string) {
    this.#root = root;
  }

  async submit({ token, directory, logs, atOnce, command }: GridArray): Promise<string> {
    const job = `local-${token}`;
    if (!acceptGridJob(directory, job)) throw new Error(`${directory} is another submission's`);
    mkdirSync(logs, { recursive: true });
    const threads = Math.max(1, Math.floor(availableParallelism() / atOnce));
    for (let task = 1; task <= atOnce; task += 1) {
      const file = path.join(directory, `task-${task}.json`);
      if (existsSync(file)) continue;
      const name = `${job}.${task}`;
      const own = ["--name", name, "--threads", String(threads)];
      const words = [
        this.#keeper,
        path.join(logs, `${name}.log`),
        String(SLICES),
        ...command,
        ...own,
        "--sign-off",
        signOffFile(directory, task),
      ];
      const keeper = spawn("bash", words, { detached: true, stdio: "ignore", cwd: directory });
      const pid = await new Promise<number>((resolve, reject) => {
        keeper.on("error", reject);
        keeper.on("spawn", () => resolve(keeper.pid ?? 0));
      });
      keeper.unref();
      writeFileDurably(file, `${JSON.stringify({ pid, started: startTime(pid) })}\n`);
    }
    return job;
  }

  /** Accepted before anything is started. */
  async find({ directory }: GridArray): Promise<string | null> {
    return readAcceptedJob(directory);
  }

  async report(): Promise<GridReport> {
    const folders = launchedSweeps(this.#root).flatMap((sweep) => {
      const { submissions } = sweepPaths(this.#root, sweep);
      if (!existsSync(submissions)) return [];
      return readdirSync(submissions).map((token) => path.join(submissions, token));
    });
    return { ageSeconds: 0, tasks: folders.flatMap(runningTasks) };
  }

  /** Keepers leave no accounting: what became of a pilot is in its trials' directories. */
  async ended(): Promise<GridEnd[]> {
    return [];
  }

  async cancel(jobs: readonly string[]): Promise<void> {
    if (jobs.length === 0) return;
    throw new Failure({
      reason: "usage",
      message: "pilots of this machine are not cancelled by a scheduler",
      remedy: "Stop the sweep: its pilots leave by themselves.",
    });
  }
}

function runningTasks(directory: string): GridTask[] {
  const token = path.basename(directory);
  return readdirSync(directory).flatMap((file): GridTask[] => {
    const task = /^task-(\d+)\.json$/.exec(file)?.[1];
    if (task === undefined) return [];
    const text = readFileSync(path.join(directory, file), "utf8");
    const { pid, started } = LocalTask.parse(JSON.parse(text));
    if (!isAlive(pid) || startTime(pid) !== started) return [];
    return [
      {
        job: `local-${token}`,
        task: Number(task),
        tasks: 1,
        name: gridName(token, "local"),
        state: "running",
        shown: "running",
        host: null,
      },
    ];
  });
}

function isAlive(pid: number): boolean {
  try {
    return process.kill(pid, 0);
  } catch {
    return false;
  }
}

/** Field 22 of /proc/PID/stat; the command in parentheses before it may hold blanks. */
function startTime(pid: number): string | null {
  const file = `/proc/${pid}/stat`;
  if (!existsSync(file)) return null;
  const text = readFileSync(file, "utf8");
  return text.slice(text.lastIndexOf(")") + 2).split(" ")[19] ?? null;
}
