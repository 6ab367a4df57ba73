import { spawn } from "node:child_process";
import { randomBytes } from "node:crypto";
import { mkdirSync } from "node:fs";
import { setTimeout as delay } from "node:timers/promises";
import { fileURLToPath } from "node:url";
import { z } from "zod";
import { Failure, FAILURE_REASONS } from "../../worker/contract/failure.ts";
import type { SweepPlan } from "../../worker/contract/trial-files.ts";
import { writeFileDurably } from "../../worker/files/durable-write.ts";
import { storeOutlines } from "../../worker/files/spec-outlines.ts";
import {
  readSubmissions,
  recordSubmission,
  submissionPaths,
  type Submission,
} from "../../worker/files/submission-directory.ts";
import {
  createTrial,
  readPlan,
  readSweep,
  readWishes,
  recordIntent,
  sweepPaths,
} from "../../worker/files/sweep-directory.ts";
import { newestBroker } from "../../worker/queue/broker-address.ts";
import { brokerAnswers } from "../../worker/queue/broker-connection.ts";
import { dispositionOf } from "../../worker/queue/disposition.ts";
import type { LaunchChanges, LaunchSite, PoolNeed } from "../ports/launch-site.ts";
import { type GridArray, gridName, type GridTask, type Scheduler } from "../ports/scheduler.ts";
import type { ResolvedSweep } from "../sweep/resolve-sweep.ts";
import { livePilots } from "../tracking/live-pilots.ts";
import { fileAgeSeconds } from "./file-clock.ts";
import { brokerArray, brokerSubmissions, pilotArray } from "./grid-arrays.ts";
import { siteOptions } from "./site-options.ts";

/** Between two looks for an answer of the scheduler that is new enough. */
const LOOK_MILLISECONDS = 1_000;

/** Launches where the site's file system is: on this machine, or as the agent on a login host. */
export class SiteLaunch implements LaunchSite {
  readonly #worker = fileURLToPath(new URL("../../worker/main.js", import.meta.url));
  readonly #scheduler: Scheduler;
  readonly #began = performance.now();

  constructor(scheduler: Scheduler) {
    this.#scheduler = scheduler;
  }

  async compare(sweep: ResolvedSweep): Promise<LaunchChanges> {
    const before = readPlan(pathsOf(sweep))?.trials ?? [];
    const known = new Set(before);
    const now = new Set(sweep.specs.map(({ id }) => id));
    return {
      added: [...now].filter((id) => !known.has(id)),
      kept: before.filter((id) => now.has(id)),
      removed: before.filter((id) => !now.has(id)),
    };
  }

  async record(sweep: ResolvedSweep, { prune }: { prune: boolean }): Promise<LaunchChanges> {
    const paths = pathsOf(sweep);
    mkdirSync(paths.trials, { recursive: true });
    const changes = await this.compare(sweep);
    for (const spec of sweep.specs) createTrial(paths, spec);
    const trials = sweep.specs.map(({ id }) => id);
    const time = new Date().toISOString();
    const goingOn = prune ? [] : changes.removed;
    if (prune && changes.removed.length > 0) {
      recordIntent(paths, { version: 1, kind: "stop", trials: changes.removed, time });
    }
    const wishes = readWishes(paths);
    if (trials.some((trial) => wishes(trial).stopped)) {
      recordIntent(paths, { version: 1, kind: "resume", trials, time });
    }
    writeFileDurably(paths.yaml, sweep.text);
    const plan = planOf(sweep, goingOn);
    storeOutlines(paths, plan.trials);
    writeFileDurably(paths.plan, `${JSON.stringify(plan, null, 2)}\n`);
    return changes;
  }

  async prepare(sweep: ResolvedSweep): Promise<void> {
    const words = [this.#worker, "prepare", "--sweep", sweep.name, ...siteOptions(sweep.site)];
    const child = spawn(process.execPath, words, { stdio: ["ignore", "pipe", "inherit"] });
    let printed = "";
    child.stdout.on("data", (bytes: Buffer) => (printed += bytes.toString()));
    const status = await new Promise<number | null>((resolve, reject) => {
      child.on("error", reject);
      child.on("close", resolve);
    });
    if (status !== 0) throw preparationFailure(printed);
  }

  async pools(sweep: ResolvedSweep): Promise<PoolNeed[]> {
    await this.#findLost(sweep);
    const paths = pathsOf(sweep);
    const record = readSweep(paths);
    const unsettled = new Set(
      record?.trials
        .filter((trial) => {
          const { kind } = dispositionOf({ ...trial, maxFailures: sweep.maxFailures });
          return kind === "waiting" || kind === "open";
        })
        .map(({ spec }) => spec.id),
    );
    const pools = (record?.plan.pools ?? []).map(({ pool, trials }) => {
      return { pool, unsettled: trials.filter((trial) => unsettled.has(trial)).length };
    });
    const submissions = readSubmissions(paths.submissions);
    const wanted = new Set(pools.flatMap(({ pool, unsettled: open }) => (open > 0 ? [pool] : [])));
    const tasks = await this.#tasksSince(
      submissions.filter(({ pool }) => pool !== null && wanted.has(pool)),
    );
    return pools.map((need) => ({
      ...need,
      live: livePilots({ submissions: ofPool(submissions, need.pool), tasks }),
    }));
  }

  async submitPilots(
    sweep: ResolvedSweep,
    { pool: name, pilots }: { pool: string; pilots: number },
  ): Promise<void> {
    const pool = sweep.pools.find((one) => one.pool === name);
    if (!pool) throw new Error(`the sweep has no pool ${name}`);
    const order = { sweep, pool, pilots, token: newToken(), program: this.#worker };
    await this.#submit(pilotArray(order), name);
  }

  async submitBroker({ site }: ResolvedSweep): Promise<void> {
    if (site.scheduler === "local" || site.broker.placement !== "job") return;
    const address = newestBroker(site.root);
    if (address && (await brokerAnswers(address))) return;
    const order = { site, program: this.#worker };
    const submissions = readSubmissions(brokerSubmissions(site.root));
    for (const { token, job } of submissions) {
      if (job === null) await this.#scheduler.find(brokerArray({ ...order, token }));
    }
    const tasks = await this.#tasksSince(submissions);
    if (livePilots({ submissions, tasks }) > 0) return;
    try {
      await this.#submit(brokerArray({ ...order, token: newToken() }), null);
    } catch (error) {
      if (!(error instanceof Failure) || error.reason !== "scheduler-refused") throw error;
      throw refusedBroker(error);
    }
  }

  /**
   * What the scheduler runs, by an answer that knows these submissions: one it lacks is older than
   * the answer, and one it shows was not deleted by hand between the answer and this launch.
   */
  async #tasksSince(submissions: readonly Submission[]): Promise<readonly GridTask[]> {
    for (;;) {
      const { ageSeconds, tasks } = await this.#scheduler.report();
      const launchSeconds = (performance.now() - this.#began) / 1000;
      const isOutdated = ({ token, directory, isDone }: Submission): boolean => {
        if (isDone) return false;
        const isShown = tasks.some(({ name }) => name.startsWith(gridName(token, "")));
        if (isShown) return ageSeconds > launchSeconds;
        return (fileAgeSeconds(submissionPaths(directory).array) ?? 0) < ageSeconds;
      };
      if (!submissions.some(isOutdated)) return tasks;
      await delay(LOOK_MILLISECONDS);
    }
  }

  /** Looks for pilots of which nobody knows whether they were submitted, before any are counted. */
  async #findLost(sweep: ResolvedSweep): Promise<void> {
    for (const submission of readSubmissions(pathsOf(sweep).submissions)) {
      const { token, at_once: pilots, job } = submission;
      const pool = sweep.pools.find((one) => one.pool === submission.pool);
      if (job !== null || !pool) continue;
      const order = { sweep, pool, pilots, token, program: this.#worker };
      await this.#scheduler.find(pilotArray(order));
    }
  }

  /** What is asked for is kept before it is asked. */
  async #submit(array: GridArray, pool: string | null): Promise<void> {
    const { token, program, atOnce, slices } = array;
    const record = { version: 1, token, program, pool, at_once: atOnce, slices } as const;
    mkdirSync(array.logs, { recursive: true });
    recordSubmission(array.directory, record);
    await this.#scheduler.submit(array);
  }
}

function planOf(sweep: ResolvedSweep, goingOn: readonly string[]): SweepPlan {
  const before = readPlan(pathsOf(sweep))?.pools ?? [];
  const pools = sweep.pools.map(({ pool, pilots, trials }) => ({ pool, pilots, trials }));
  // A trial that left the file stays in its pool, or goes to the first where that one is gone.
  for (const trial of goingOn) {
    const former = before.find(({ trials }) => trials.includes(trial))?.pool;
    const pool = pools.find((one) => one.pool === former) ?? pools[0];
    pool?.trials.push(trial);
  }
  return {
    version: 1,
    sweep: sweep.name,
    site: sweep.site.name,
    trials: [...sweep.specs.map(({ id }) => id), ...goingOn],
    pilots: sweep.pilots,
    pools,
    lease_seconds: sweep.site.leaseSeconds,
    max_failures: sweep.maxFailures,
  };
}

function ofPool(submissions: readonly Submission[], pool: string): Submission[] {
  return submissions.filter((submission) => submission.pool === pool);
}

function pathsOf({ site, name }: ResolvedSweep) {
  return sweepPaths(site.root, name);
}

function newToken(): string {
  return randomBytes(4).toString("hex");
}

/** What the worker's program prints when it fails for a reason a user can act on. */
const Told = z.object({
  error: z.object({ reason: z.enum(FAILURE_REASONS), message: z.string(), remedy: z.string() }),
});

function refusedBroker(refusal: Failure): Failure {
  return new Failure({
    reason: refusal.reason,
    message: `the broker's grid job was not submitted: ${refusal.message}`,
    remedy:
      "Pilots are there, and one will stand in. Correct `broker` of the site and launch again.",
    cause: refusal,
  });
}

function preparationFailure(printed: string): Failure {
  const line = printed.trim().split("\n").at(-1) ?? "";
  const told = line.startsWith("{") ? Told.parse(JSON.parse(line)).error : null;
  return new Failure({
    reason: told?.reason ?? "broker-unreachable",
    message: told?.message ?? "preparing the site ended with an error",
    remedy: told?.remedy ?? "See the lines above.",
  });
}
