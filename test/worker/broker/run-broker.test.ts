import { existsSync, mkdirSync, writeFileSync } from "node:fs";
import path from "node:path";
import type { Redis } from "ioredis";
import { afterEach, beforeEach, describe, expect, it } from "vitest";
import { claimGeneration } from "../../../worker/broker/generations.ts";
import { type BrokerRun, runBroker } from "../../../worker/broker/run-broker.ts";
import { startBroker } from "../../../worker/broker/start-broker.ts";
import type { BrokerAddress } from "../../../worker/contract/trial-files.ts";
import { submissionPaths } from "../../../worker/files/submission-directory.ts";
import { newestBroker } from "../../../worker/queue/broker-address.ts";
import { brokerAnswers } from "../../../worker/queue/broker-connection.ts";
import { VANISHED_LIMIT } from "../../../worker/queue/retry-rules.ts";
import { BrokerRoot, PILOT_JOB } from "../../rig/broker-root.ts";
import { kill } from "../../rig/local-site.ts";
import { waitFor } from "../../rig/wait-for.ts";

const TRIAL = "t000000000001";
const LONG_SECONDS = 3600;
const LEASE_SECONDS = 0.3;

let site: BrokerRoot;
let submission: string;
let leaving: AbortController;
let tasks: Promise<void>[];

beforeEach(() => {
  site = new BrokerRoot();
  submission = path.join(site.root, "submission");
  mkdirSync(submission);
  leaving = new AbortController();
  tasks = [];
});

afterEach(async () => {
  leaving.abort();
  await Promise.all(tasks);
  await site.dispose();
});

/** A trial that waits, and a pilot that may come for it: the broker is wanted. */
function addWork(): void {
  site.sweep.add({ id: TRIAL });
  site.submitPilot();
}

/** Runs a task of the broker's grid job; on loopback, as this machine may have nothing else. */
function startTask(values: Partial<BrokerRun> = {}): { ended: Promise<void>; lines: string[] } {
  const lines: string[] = [];
  const ended = runBroker({
    root: site.root,
    leaseSeconds: LEASE_SECONDS,
    placement: "here",
    walltimeSeconds: LONG_SECONDS,
    elapsedSeconds: 0,
    marginSeconds: 0,
    submission,
    leaving: leaving.signal,
    log: (line) => lines.push(line),
    ...values,
  });
  tasks.push(ended);
  return { ended, lines };
}

function generationUp(generation: number): Promise<BrokerAddress> {
  return waitFor(`generation ${generation}`, async () => {
    const newest = newestBroker(site.root);
    return newest?.generation === generation && (await brokerAnswers(newest)) ? newest : null;
  });
}

function isDone(): boolean {
  return existsSync(submissionPaths(submission).done);
}

describe("a broker in a grid job of its own", () => {
  it("serves, survives the scheduler's notices, and ends with its data when asked to", async () => {
    addWork();
    const { ended } = startTask();
    const first = await generationUp(1);
    if (first.pid === null) throw new Error("not started by us");
    process.kill(first.pid, "SIGUSR1");
    await site.client(first).set("kept", "1");
    leaving.abort();
    await ended;
    expect(await brokerAnswers(first)).toBe(false);
    expect(isDone()).toBe(false);
    leaving = new AbortController();
    startTask();
    expect(await site.client(await generationUp(2)).get("kept")).toBe("1");
  });

  it("starts the next generation when its Redis was killed", async () => {
    addWork();
    startTask();
    const first = await generationUp(1);
    if (first.pid !== null) kill(first.pid);
    const second = await generationUp(2);
    expect(await site.queue(second).pull()).toMatchObject({ trial: TRIAL, attempt: 1 });
  });

  it("starts the next generation when its data is gone", async () => {
    addWork();
    startTask();
    await site.client(await generationUp(1)).flushall();
    const second = await generationUp(2);
    expect(await site.queue(second).pull()).toMatchObject({ trial: TRIAL, attempt: 1 });
  });

  it("ends at its walltime's margin, for the next task to follow", async () => {
    addWork();
    const { ended } = startTask({ walltimeSeconds: 600, elapsedSeconds: 500, marginSeconds: 99 });
    await ended;
    expect(isDone()).toBe(false);
    expect(newestBroker(site.root)?.generation ?? 0).toBeLessThanOrEqual(1);
  });

  it("stands by while another answers, and follows it", async () => {
    addWork();
    startTask();
    const first = await generationUp(1);
    const { lines } = startTask();
    await waitFor("the second to stand by", () => lines.some((line) => /standing by/.test(line)));
    if (first.pid !== null) kill(first.pid);
    const second = await generationUp(2);
    expect(await brokerAnswers(second)).toBe(true);
  });

  it("gives way to a later generation that others follow", async () => {
    addWork();
    startTask();
    const first = await generationUp(1);
    claimGeneration(site.root, 2);
    const settings = { root: site.root, leaseSeconds: LEASE_SECONDS, placement: "here" } as const;
    await startBroker(settings, 2, { outlivesUs: true });
    await waitFor("the first to end", async () => !(await brokerAnswers(first)));
    expect(newestBroker(site.root)?.generation).toBe(2);
  });

  it("ends for good once every trial is settled and no pilot is there", async () => {
    site.sweep.add({ id: TRIAL });
    site.sweep.finish(TRIAL, 1, 0.5);
    const { ended } = startTask();
    await ended;
    expect(isDone()).toBe(true);
    expect(newestBroker(site.root)?.generation).toBe(1);
  });

  it.each<[why: string, arrange: () => void]>([
    ["whose pilots were refused", () => {}],
    [
      "whose pilots' tasks are all over",
      () => {
        const exit = { version: 1, job: PILOT_JOB, task: 1, status: 71 };
        const file = path.join(site.submitPilot(), `task-1.${PILOT_JOB}.exit`);
        writeFileSync(file, JSON.stringify(exit));
      },
    ],
  ])("is not kept for a sweep %s, though a trial waits", async (_, arrange) => {
    site.sweep.add({ id: TRIAL });
    arrange();
    const { ended } = startTask();
    await ended;
    expect(isDone()).toBe(true);
  });

  it("is not kept for a trial that is held because its attempts vanish", async () => {
    addWork();
    for (let attempt = 1; attempt <= VANISHED_LIMIT; attempt += 1) site.sweep.claim(TRIAL, attempt);
    const { ended } = startTask();
    await ended;
    expect(isDone()).toBe(true);
  });

  it("goes on while a pilot is there, though every trial is settled", async () => {
    site.sweep.add({ id: TRIAL });
    site.sweep.finish(TRIAL, 1, 0.5);
    const { ended } = startTask();
    const { pilots } = site.queue(await generationUp(1));
    await pilots.present("pilot-a", LONG_SECONDS);
    await commandsSeen(site.client(await generationUp(1)), "zcard", 4);
    expect(isDone()).toBe(false);
    await pilots.leave("pilot-a");
    await ended;
    expect(isDone()).toBe(true);
  });
});

/** Waits until Redis has run a command so many times more. */
async function commandsSeen(redis: Redis, command: string, times: number): Promise<void> {
  const count = async (): Promise<number> => {
    const statistics = await redis.info("commandstats");
    return Number(new RegExp(`cmdstat_${command}:calls=(\\d+)`).exec(statistics)?.[1] ?? 0);
  };
  const before = await count();
  await waitFor(`${times} of ${command}`, async () => (await count()) >= before + times);
}
