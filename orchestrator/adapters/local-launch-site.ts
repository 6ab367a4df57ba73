import { spawn } from "node:child_process";
import { randomBytes } from "node:crypto";
import { mkdirSync } from "node:fs";
import { availableParallelism } from "node:os";
import path from "node:path";
import { fileURLToPath } from "node:url";
import { z } from "zod";
import { Failure, FAILURE_REASONS } from "../../worker/contract/failure.ts";
import type { SweepPlan } from "../../worker/contract/trial-files.ts";
import { writeFileDurably } from "../../worker/files/durable-write.ts";
import {
  createTrial,
  readPlan,
  readSweep,
  readWishes,
  recordIntent,
  sweepPaths,
} from "../../worker/files/sweep-directory.ts";
import { dispositionOf } from "../../worker/queue/disposition.ts";
import type { LaunchChanges, LaunchSite } from "../ports/launch-site.ts";
import type { Scheduler } from "../ports/scheduler.ts";
import type { ResolvedSweep } from "../sweep/resolve-sweep.ts";

/** Launches on this machine: the worker's programs run here, on the same file system. */
export class LocalLaunchSite implements LaunchSite {
  readonly #worker = fileURLToPath(new URL("../../worker/main.js", import.meta.url));
  readonly #scheduler: Scheduler;

  constructor(scheduler: Scheduler) {
    this.#scheduler = scheduler;
  }

  async record(sweep: ResolvedSweep): Promise<LaunchChanges> {
    const paths = pathsOf(sweep);
    mkdirSync(paths.trials, { recursive: true });
    const before = new Set(readPlan(paths)?.trials);
    for (const spec of sweep.specs) createTrial(paths, spec);
    const trials = sweep.specs.map(({ id }) => id);
    const plan: SweepPlan = {
      version: 1,
      sweep: sweep.name,
      site: sweep.site.name,
      trials,
      pilots: sweep.pilots,
      lease_seconds: sweep.site.leaseSeconds,
      max_failures: sweep.maxFailures,
    };
    const wishes = readWishes(paths);
    if (trials.some((trial) => wishes(trial).stopped)) {
      const time = new Date().toISOString();
      recordIntent(paths, { version: 1, kind: "resume", trials: "all", time });
    }
    writeFileDurably(paths.yaml, sweep.text);
    writeFileDurably(paths.plan, `${JSON.stringify(plan, null, 2)}\n`);
    const kept = trials.filter((trial) => before.has(trial)).length;
    return { added: trials.length - kept, kept, removed: before.size - kept };
  }

  async prepare(sweep: ResolvedSweep): Promise<void> {
    const words = [this.#worker, "prepare", "--sweep", sweep.name, ...siteOptions(sweep)];
    const child = spawn(process.execPath, words, { stdio: ["ignore", "pipe", "inherit"] });
    let printed = "";
    child.stdout.on("data", (bytes: Buffer) => (printed += bytes.toString()));
    const status = await new Promise<number | null>((resolve, reject) => {
      child.on("error", reject);
      child.on("close", resolve);
    });
    if (status !== 0) throw preparationFailure(printed);
  }

  async unsettledTrials(sweep: ResolvedSweep): Promise<number> {
    const record = readSweep(pathsOf(sweep));
    const kinds = record?.trials.map(
      (trial) => dispositionOf({ ...trial, maxFailures: sweep.maxFailures }).kind,
    );
    return kinds?.filter((kind) => kind === "waiting" || kind === "open").length ?? 0;
  }

  livePilots(sweep: ResolvedSweep): Promise<number> {
    return this.#scheduler.livePilots(pathsOf(sweep).submissions);
  }

  async submitPilots(sweep: ResolvedSweep, pilots: number): Promise<void> {
    const paths = pathsOf(sweep);
    const token = randomBytes(4).toString("hex");
    const name = (task: number): string => `local-${token}-${task}`;
    const threads = Math.max(1, Math.floor(availableParallelism() / sweep.pilots));
    await this.#scheduler.submit({
      directory: path.join(paths.submissions, token),
      token,
      pilots,
      log: (task) => path.join(paths.pilots, `${name(task)}.log`),
      command: (task, signOffFile) => [
        process.execPath,
        this.#worker,
        "pilot",
        "--sweep",
        sweep.name,
        "--name",
        name(task),
        "--threads",
        String(threads),
        "--sign-off",
        signOffFile,
        ...siteOptions(sweep),
      ],
    });
  }
}

function pathsOf({ site, name }: ResolvedSweep) {
  return sweepPaths(site.root, name);
}

function siteOptions({ site }: ResolvedSweep): string[] {
  const redis = site.redisServer === undefined ? [] : ["--redis-server", site.redisServer];
  return ["--root", site.root, "--lease-seconds", String(site.leaseSeconds), ...redis];
}

/** What the worker's program prints when it fails for a reason a user can act on. */
const Told = z.object({
  error: z.object({ reason: z.enum(FAILURE_REASONS), message: z.string(), remedy: z.string() }),
});

function preparationFailure(printed: string): Failure {
  const line = printed.trim().split("\n").at(-1) ?? "";
  const told = line.startsWith("{") ? Told.parse(JSON.parse(line)).error : null;
  return new Failure({
    reason: told?.reason ?? "broker-unreachable",
    message: told?.message ?? "preparing the site ended with an error",
    remedy: told?.remedy ?? "See the lines above.",
  });
}
