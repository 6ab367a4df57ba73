import { spawn } from "node:child_process";
import { existsSync, mkdirSync, readdirSync, readFileSync } from "node:fs";
import path from "node:path";
import { fileURLToPath } from "node:url";
import { z } from "zod";
import { writeFileDurably } from "../../worker/files/durable-write.ts";
import type { PilotArray, Scheduler } from "../ports/scheduler.ts";

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

  async submit({ directory, pilots, log, command }: PilotArray): Promise<void> {
    mkdirSync(directory, { recursive: true });
    for (let task = 1; task <= pilots; task += 1) {
      mkdirSync(path.dirname(log(task)), { recursive: true });
      const signOffFile = path.join(directory, `task-${task}.left`);
      const words = [this.#keeper, log(task), String(SLICES), ...command(task, signOffFile)];
      const keeper = spawn("bash", words, { detached: true, stdio: "ignore", cwd: directory });
      const pid = await new Promise<number>((resolve, reject) => {
        keeper.on("error", reject);
        keeper.on("spawn", () => resolve(keeper.pid ?? 0));
      });
      keeper.unref();
      const record = { pid, started: startTime(pid) };
      writeFileDurably(path.join(directory, `task-${task}.json`), `${JSON.stringify(record)}\n`);
    }
  }

  async livePilots(submissions: string): Promise<number> {
    if (!existsSync(submissions)) return 0;
    const tasks = readdirSync(submissions, { recursive: true, encoding: "utf8" });
    return tasks.filter((name) => {
      if (!/^task-\d+\.json$/.test(path.basename(name))) return false;
      if (tasks.includes(name.replace(/\.json$/, ".left"))) return false;
      const text = readFileSync(path.join(submissions, name), "utf8");
      const { pid, started } = LocalTask.parse(JSON.parse(text));
      return isAlive(pid) && startTime(pid) === started;
    }).length;
  }
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
