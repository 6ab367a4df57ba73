import { existsSync, readFileSync, writeFileSync } from "node:fs";
import { describe, expect, it, vi } from "vitest";
import { SweepPlan } from "../../../worker/contract/trial-files.ts";
import { acceptGridJob, submissionPaths } from "../../../worker/files/submission-directory.ts";
import { sweepPaths } from "../../../worker/files/sweep-directory.ts";
import { FakeClock } from "./fake-clock.ts";
import { PilotStage } from "./pilot-stage.ts";

const T1 = "t000000000001";
const T2 = "t000000000002";
const HOUR = { walltimeSeconds: 3600, elapsedSeconds: 20, marginSeconds: 300 };

async function stageWithBroker(): Promise<PilotStage> {
  const stage = new PilotStage();
  await stage.startBroker();
  return stage;
}

/** What every trainer is told of kept features. */
const FEATURES = ["--features", expect.any(String)];

describe("a pilot", () => {
  it("leaves when every trial is settled, and tells the tasks that follow", async () => {
    const stage = await stageWithBroker();
    stage.addQuick(T1);
    stage.addQuick(T2);
    await stage.run();
    for (const trial of [T1, T2]) expect(stage.record(trial).result?.attempt).toBe(1);
    expect(existsSync(submissionPaths(stage.submission).done)).toBe(true);
    expect(existsSync(stage.settings().signOffFile)).toBe(true);
  });

  it("takes back that everything is done when there is work", async () => {
    const stage = await stageWithBroker();
    const { done } = submissionPaths(stage.submission);
    writeFileSync(done, "");
    stage.addWaiting(T1);
    const leaving = new AbortController();
    const running = stage.run({ leaving: leaving.signal });
    await stage.call(T1, 1);
    expect(existsSync(done)).toBe(false);
    expect(existsSync(stage.settings().signOffFile)).toBe(false);
    leaving.abort();
    await running;
    expect(existsSync(done)).toBe(false);
    expect(existsSync(stage.settings().signOffFile)).toBe(true);
  });

  it("of a second grid job of its submission leaves before it claims anything", async () => {
    const stage = await stageWithBroker();
    stage.addQuick(T1);
    expect(acceptGridJob(stage.submission, "7")).toBe(true);
    await stage.run({ name: "8.1" });
    expect(stage.record(T1).attempts).toEqual([]);
    expect(stage.log).toEqual([expect.stringContaining("grid job 8 leaves")]);
    await stage.run({ name: "7.2" });
    expect(stage.record(T1).result).not.toBeNull();
  });

  it("is done when its pool is, and leaves the trials of another to that one's pilots", async () => {
    const stage = await stageWithBroker();
    stage.addQuick(T1);
    stage.addQuick(T2);
    const { plan } = sweepPaths(stage.sweep.root, stage.sweep.name);
    const launched = SweepPlan.parse(JSON.parse(readFileSync(plan, "utf8")));
    const pools = [
      { pool: "p1", pilots: 1, trials: [T1] },
      { pool: "p2", pilots: 1, trials: [T2] },
    ];
    writeFileSync(plan, JSON.stringify({ ...launched, pools }));
    await stage.run();
    expect(existsSync(submissionPaths(stage.submission).done)).toBe(true);
    expect(stage.record(T1).result).not.toBeNull();
    expect(stage.record(T2).attempts).toEqual([]);
  });

  it("gives its trainers the threads that it was given", async () => {
    const stage = await stageWithBroker();
    stage.addQuick(T1);
    await stage.run({ threads: 5 });
    expect((await stage.call(T1, 1)).threads).toBe("5");
  });
});

describe("the walltime of a grid job", () => {
  it("has the trial handed back at the margin, and the next task goes on with it", async () => {
    const stage = await stageWithBroker();
    stage.addWaiting(T1);
    const clock = new FakeClock(2);
    const running = stage.run({ slice: HOUR }, { clock });
    const { options } = await stage.call(T1, 1);
    const span = { walltime_seconds: 3600, elapsed_seconds: 22, margin_seconds: 300 };
    expect(options).toEqual(["--slice", JSON.stringify(span), ...FEATURES]);
    clock.advance(3278);
    await running;
    const [first] = stage.record(T1).attempts;
    expect(first?.exit).toMatchObject({ outcome: "handed-back", why: "walltime" });
    expect(existsSync(submissionPaths(stage.submission).done)).toBe(false);

    stage.letFinish(T1);
    await stage.run({ name: "7.2", slice: HOUR }, { clock: new FakeClock(2) });
    expect(stage.record(T1).result?.attempt).toBe(2);
  });

  it("is nothing to judge a trial by that was taken late in it", async () => {
    const stage = await stageWithBroker();
    stage.addQuick(T1);
    const file = stage.callFile(T1, 1);
    const clock = { monotonicSeconds: () => (existsSync(file) ? 2000 : 0), after: () => () => {} };
    stage.addQuick(T2);
    await stage.run({ slice: HOUR }, { clock });
    expect((await stage.call(T1, 1)).options).toEqual(["--slice", expect.any(String), ...FEATURES]);
    expect((await stage.call(T2, 1)).options).toEqual(FEATURES);
  });

  it("ends a pilot early that could not get another trial to its first step", async () => {
    const stage = await stageWithBroker();
    const time = "2026-11-24T10:00:00.000Z";
    const step = {
      type: "step",
      time,
      epoch: 0,
      step: 1,
      loss: 1,
      lr: 1,
      step_seconds: 1,
    } as const;
    stage.addQuick(T1, { events: [step] });
    stage.addQuick(T2);
    const file = stage.callFile(T1, 1);
    const clock = { monotonicSeconds: () => (existsSync(file) ? 2000 : 0), after: () => () => {} };
    await stage.run({ slice: HOUR }, { clock });
    expect(stage.record(T1).result).not.toBeNull();
    expect(stage.record(T2).attempts).toEqual([]);
    expect(stage.log.at(-1)).toContain("too short for a trial");
  });
});

describe("two live copies of one task", () => {
  it("share no attempt, and each trial gets one result", async () => {
    const stage = await stageWithBroker();
    stage.addWaiting(T1);
    stage.addWaiting(T2);
    const [first, second] = [new AbortController(), new AbortController()];
    const running = [first, second].map(({ signal }) => stage.run({ leaving: signal }));
    await Promise.all([stage.call(T1, 1), stage.call(T2, 1)]);
    const pilots = [T1, T2].map((trial) => stage.record(trial).attempts[0]?.claim?.pilot);
    expect(pilots).toEqual([expect.stringMatching(/^7\.1\./), expect.stringMatching(/^7\.1\./)]);
    expect(pilots[0]).not.toBe(pilots[1]);

    stage.letFinish(T1);
    stage.letFinish(T2);
    first.abort();
    await running[0];
    second.abort();
    await running[1];
    await stage.run();
    for (const trial of [T1, T2]) {
      const { result, attempts } = stage.record(trial);
      expect(result).not.toBeNull();
      const outcomes = attempts.map(({ exit }) => exit?.outcome);
      expect(outcomes).toEqual(["handed-back", "finished"]);
    }
  });
});

describe("the GPUs of a pilot", () => {
  it("are those of the environment, which its trainers must use", async () => {
    vi.stubEnv("SGE_HGR_gpu", "cuda3");
    const stage = await stageWithBroker();
    stage.addQuick(T1);
    await stage.run({ gpus: { rule: "auto", count: 1 } });
    expect(await stage.call(T1, 1)).toMatchObject({
      devices: "3",
      options: ["--gpu", ...FEATURES],
    });
    vi.unstubAllEnvs();
  });

  it("are hidden from its trainers where it is to use none", async () => {
    const stage = await stageWithBroker();
    stage.addQuick(T1);
    await stage.run({ gpus: { rule: "none", count: 1 } });
    expect(await stage.call(T1, 1)).toMatchObject({ devices: "", options: FEATURES });
  });

  it("are known before it claims anything, or it leaves", async () => {
    const stage = await stageWithBroker();
    stage.addQuick(T1);
    const running = stage.run({ gpus: { rule: "environment", count: 1 } });
    await expect(running).rejects.toMatchObject({ reason: "gpu-unknown" });
    expect(stage.record(T1).attempts).toEqual([]);
  });

  it("do not work: it hands the trial to others and takes no more", async () => {
    vi.stubEnv("CUDA_VISIBLE_DEVICES", "0");
    const stage = await stageWithBroker();
    const failure = { reason: "gpu-unknown", message: "no CUDA", retryable: true } as const;
    stage.addWaiting(T1, { exit: { outcome: "failed", failure } });
    const gpus = { rule: "auto", count: 1 } as const;
    await expect(stage.run({ gpus })).rejects.toMatchObject({ reason: "gpu-unknown" });
    expect(stage.record(T1).attempts).toHaveLength(1);
    stage.letFinish(T1);
    await stage.run({ name: "7.2", gpus });
    expect(stage.record(T1).result?.attempt).toBe(2);
    vi.unstubAllEnvs();
  });
});

describe("a broker of others that is away", () => {
  it("is waited for, and then the pilot leaves", async () => {
    const stage = new PilotStage();
    stage.addQuick(T1);
    const running = stage.run();
    await expect(running).rejects.toMatchObject({ reason: "broker-unreachable" });
    expect(stage.record(T1).attempts).toEqual([]);
  });

  it("keeps nobody from stopping a trial, nor a pilot from leaving", async () => {
    const stage = await stageWithBroker();
    stage.addWaiting(T1);
    const leaving = new AbortController();
    const patient = { leaseSeconds: 2, waitSeconds: 600 };
    const running = stage.run({ ...patient, leaving: leaving.signal });
    await stage.call(T1, 1);
    stage.killBroker();
    stage.sweep.stop("all");
    await expect
      .poll(() => stage.record(T1).attempts[0]?.exit, { timeout: 30_000 })
      .toMatchObject({ outcome: "handed-back", why: "stop" });
    leaving.abort();
    await running;
    expect(stage.log.at(-1)).toContain("without a word to the broker");
  });
});
