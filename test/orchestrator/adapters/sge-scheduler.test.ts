import { mkdirSync, utimesSync } from "node:fs";
import path from "node:path";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { gridCommands } from "../../../orchestrator/adapters/grid-command.ts";
import { acceptGridJob } from "../../../worker/files/submission-directory.ts";
import { FakeGridEngine } from "../../rig/fake-grid-engine/fake-grid-engine.ts";
import { sampleResult } from "../../rig/sge-samples.ts";
import { GridBench, type GridUnderTest, losing, schedulerSuite } from "./sge-scheduler-suite.ts";

let engine: FakeGridEngine;
let grid: GridUnderTest;
beforeAll(() => {
  engine = new FakeGridEngine();
  grid = {
    root: engine.directory,
    user: "ds",
    setup: [],
    node: process.execPath,
    run: gridCommands({ PATH: engine.path }),
    takeAway: async () => engine.breakNext("qstat", "sample qmaster-down-qstat-xml"),
    bringBack: async () => {},
  };
});
afterAll(() => engine.dispose());

describe("on a fake Grid Engine", () => schedulerSuite(() => grid));

/** As if the claim of an attempt had been written long ago. */
function backdate(directory: string, attempt: number): void {
  const hourAgo = new Date(Date.now() - 3_600_000);
  utimesSync(path.join(directory, `qsub-${attempt}.claim`), hourAgo, hourAgo);
}

describe("an answer of qsub that was lost", () => {
  it("leads to a second qsub only long after, when nothing is known of a first", async () => {
    const bench = new GridBench(grid);
    const array = bench.array("0");
    engine.breakNext("qsub", "cut before");
    await expect(bench.scheduler.submit(array)).rejects.toMatchObject({
      reason: "scheduler-unreachable",
    });
    backdate(array.directory, 1);
    const job = await bench.scheduler.submit(array);
    await bench.gone(job);
    expect(Object.keys(bench.began(array))).toEqual([`${job}.1`]);
  });

  it("is waited for while it may still come, and ends when a pilot has been accepted", async () => {
    const bench = new GridBench(grid);
    const array = bench.array("0");
    mkdirSync(array.directory, { recursive: true });
    engine.breakNext("qsub", "cut before");
    await expect(bench.scheduler.submit(array)).rejects.toThrow(/not known/);
    const before = engine.calls("qsub").length;
    const waiting = bench.scheduler.submit(array);
    acceptGridJob(array.directory, "77");
    expect(await waiting).toBe("77");
    expect(engine.calls("qsub")).toHaveLength(before);
  });

  it("is found in the accounting when the grid job has ended meanwhile", async () => {
    const bench = new GridBench(grid, losing(grid.run, /qsub -terse/));
    const array = bench.array("0");
    await expect(bench.scheduler.submit(array)).rejects.toThrow(/not known/);
    const { tasks } = await bench.scheduler.report();
    const job = tasks.find(({ name }) => name.includes(array.token))?.job ?? "";
    await bench.gone(job);
    backdate(array.directory, 1);
    expect(await bench.scheduler.submit(array)).toBe(job);
  });
});

describe("an answer of qstat", () => {
  it.each(["torn", "silent"] as const)("that is %s is no answer", async (fault) => {
    const bench = new GridBench(grid);
    engine.breakNext("qstat", fault);
    await expect(bench.scheduler.report()).rejects.toMatchObject({
      reason: "scheduler-unreachable",
      message: "qstat's answer is not whole",
    });
  });

  it("serves every process of a user until the interval is over", async () => {
    const bench = new GridBench(grid);
    const watchers = [1, 2, 3].map(() => bench.another(grid.run, 600));
    const before = engine.calls("qstat").length;
    const reports = await Promise.all(watchers.map((watcher) => watcher.report()));
    for (const watcher of watchers) reports.push(await watcher.report());
    expect(engine.calls("qstat")).toHaveLength(before + 1);
    expect(new Set(reports.map(({ tasks }) => JSON.stringify(tasks))).size).toBe(1);
  });

  it("that failed is not asked for again within the interval either", async () => {
    const bench = new GridBench(grid);
    const watchers = [1, 2].map(() => bench.another(grid.run, 600));
    engine.breakNext("qstat", "sample qmaster-down-qstat-xml");
    const before = engine.calls("qstat").length;
    for (const watcher of watchers) {
      await expect(watcher.report()).rejects.toThrow(/Connection refused/);
    }
    expect(engine.calls("qstat")).toHaveLength(before + 1);
  });

  it("is brought up to what was submitted and cancelled since", async () => {
    const bench = new GridBench(grid);
    const scheduler = bench.another(grid.run, 600);
    await scheduler.report();
    const job = await scheduler.submit(bench.array("hold", { atOnce: 2, slices: 5 }));
    const rows = async () => (await scheduler.report()).tasks.filter((row) => row.job === job);
    expect(await rows()).toMatchObject([{ tasks: 10, state: "waiting" }]);
    await scheduler.cancel([job]);
    expect(await rows()).toMatchObject([{ state: "deleting" }]);
  });
});

it("reads the number past what a site prints around it", async () => {
  const bench = new GridBench(grid);
  engine.breakNext("qsub", "banner");
  const job = await bench.scheduler.submit(bench.array("0"));
  await bench.gone(job);
  expect(job).toMatch(/^\d+$/);
});

it("names the limit of a user, and submits when it is asked again", async () => {
  const bench = new GridBench(grid);
  const array = bench.array("0");
  engine.breakNext("qsub", "limit");
  await expect(bench.scheduler.submit(array)).rejects.toMatchObject({
    reason: "scheduler-refused",
    message: expect.stringMatching(/limit: .*only 8 jobs are allowed per user/),
    remedy: expect.stringMatching(/Nothing was submitted/),
  });
  await bench.gone(await bench.scheduler.submit(array));
});

it("says that Grid Engine's commands are not there", async () => {
  const bench = new GridBench(grid, gridCommands({ PATH: "/nowhere" }));
  await expect(bench.scheduler.report()).rejects.toMatchObject({ reason: "tool-missing" });
});

describe("an answer of qdel", () => {
  it.each(["qdel-eqw", "qdel-pending", "qdel-running", "qdel-unknown"])(
    "like %s is no error",
    async (sample) => {
      const bench = new GridBench(grid, async () => sampleResult(`${sample}.txt`));
      await expect(bench.scheduler.cancel(["42"])).resolves.toBeUndefined();
    },
  );

  it.each([
    ["qdel-other", "scheduler-refused"],
    ["qmaster-down-qdel", "scheduler-unreachable"],
  ])("like %s throws %s", async (sample, reason) => {
    const bench = new GridBench(grid, async () => sampleResult(`${sample}.txt`));
    await expect(bench.scheduler.cancel(["42"])).rejects.toMatchObject({ reason });
  });
});
