import { randomBytes } from "node:crypto";
import { mkdirSync, readdirSync, readFileSync, writeFileSync } from "node:fs";
import path from "node:path";
import { setTimeout as delay } from "node:timers/promises";
import { expect, it } from "vitest";
import type { CommandRunner } from "../../../orchestrator/adapters/grid-command.ts";
import { SgeScheduler } from "../../../orchestrator/adapters/sge-scheduler.ts";
import type { GridArray, GridEnd } from "../../../orchestrator/ports/scheduler.ts";
import { clusterSite } from "../../rig/cluster-site.ts";
import { waitFor } from "../../rig/wait-for.ts";

/** A Grid Engine with a project ds598, a parallel environment omp and hosts of 2 gpus. */
export interface GridUnderTest {
  /** On a file system that tasks share and can write to. */
  root: string;
  user: string;
  setup: string[];
  node: string;
  run: CommandRunner;
  /** Has the qmaster not answer until `bringBack`. */
  takeAway(): Promise<void>;
  bringBack(): Promise<void>;
}

/** Keeps its words in $OUT, with a name that no shell may see bare, then does what $MODE says. */
const PROGRAM = `
const fs = require("node:fs");
const leave = () => { fs.writeFileSync(process.env.OUT + "/left", ""); process.exit(0); };
for (const signal of ["SIGUSR1", "SIGUSR2", "SIGTERM"]) process.on(signal, leave);
const words = process.argv.slice(2);
const name = words[words.indexOf("--name") + 1];
fs.writeFileSync(process.env.OUT + "/began " + name, JSON.stringify(words));
if (process.env.MODE === "hold") setInterval(() => {}, 1000);
else setTimeout(() => process.exit(Number(process.env.MODE)), 300);
`;

const PAUSE_MILLISECONDS = 50;

/** A scheduler of this grid with its own root, and arrays for it. */
export class GridBench {
  readonly root: string;
  readonly scheduler: SgeScheduler;
  readonly #grid: GridUnderTest;

  constructor(grid: GridUnderTest, run: CommandRunner = grid.run) {
    this.#grid = grid;
    this.root = path.join(grid.root, `my sweeps ${randomBytes(3).toString("hex")}`);
    mkdirSync(this.root, { recursive: true });
    writeFileSync(path.join(this.root, "program.cjs"), PROGRAM);
    this.scheduler = this.another(run);
  }

  /** A second process's scheduler on the same root. */
  another(run: CommandRunner, pollSeconds = 0): SgeScheduler {
    const { user, setup } = this.#grid;
    const sge = { project: "ds598", parallelEnvironment: "omp", pollSeconds };
    const site = clusterSite({ root: this.root, setup, sge });
    return new SgeScheduler({ site, user, run, pause: () => delay(PAUSE_MILLISECONDS) });
  }

  array(mode: string, changes: Partial<GridArray> = {}): GridArray {
    const token = randomBytes(4).toString("hex");
    const directory = path.join(this.root, "submissions", token);
    const out = path.join(this.root, "it's $(here)", token);
    mkdirSync(out, { recursive: true });
    return {
      program: "pilot",
      token,
      label: "demo-pool",
      directory,
      logs: path.join(this.root, "pilots"),
      request: { walltime: "00:10:00", gpus: 1, slots: 2 },
      atOnce: 1,
      slices: 1,
      command: [this.#grid.node, path.join(this.root, "program.cjs"), "it's", '"$(date)"', ""],
      environment: { OUT: out, MODE: mode },
      directives: [],
      ...changes,
    };
  }

  /** What the tasks of an array have left: by name, what they were told. */
  began({ environment }: GridArray): Record<string, string[]> {
    const folder = environment["OUT"] ?? "";
    const files = readdirSync(folder).filter((file) => file.startsWith("began "));
    return Object.fromEntries(
      files.map((file) => [
        file.slice("began ".length),
        JSON.parse(readFileSync(path.join(folder, file), "utf8")),
      ]),
    );
  }

  async gone(job: string): Promise<void> {
    await waitFor(`the end of grid job ${job}`, async () => {
      const { tasks } = await this.scheduler.report();
      return tasks.every((task) => task.job !== job);
    });
  }

  /** The accounting is written some seconds later. */
  ends(job: string, count: number): Promise<GridEnd[]> {
    return waitFor(`the accounting of ${job}`, async () => {
      const ends = await this.scheduler.ended(job);
      return ends.length === count && ends;
    });
  }
}

/** Runs a command, and loses its answer where the pattern says so, once. */
export function losing(run: CommandRunner, pattern: RegExp): CommandRunner {
  let lost = false;
  return async (argv) => {
    const result = await run(argv);
    if (lost || !pattern.test(argv.join(" "))) return result;
    lost = true;
    return { status: 137, stdout: "", stderr: "" };
  };
}

/** What holds of the adapter on any Grid Engine. */
export function schedulerSuite(grid: () => GridUnderTest): void {
  it("runs each task of an array once, with its own options behind the common ones", async () => {
    const bench = new GridBench(grid());
    const array = bench.array("0", { atOnce: 2, slices: 2 });
    const job = await bench.scheduler.submit(array);
    await bench.gone(job);
    const began = bench.began(array);
    expect(Object.keys(began).toSorted()).toEqual([1, 2, 3, 4].map((task) => `${job}.${task}`));
    const first = began[`${job}.2`] ?? [];
    expect(first.slice(0, 3)).toEqual(["it's", '"$(date)"', ""]);
    expect(first.slice(3, 7)).toEqual(["--name", `${job}.2`, "--threads", "2"]);
    expect(first.at(-1)).toBe(path.join(array.directory, "task-2.left"));
  });

  it("has no more tasks run together than were asked for", async () => {
    const bench = new GridBench(grid());
    const array = bench.array("hold", { atOnce: 1, slices: 3 });
    const job = await bench.scheduler.submit(array);
    await waitFor("a task", () => Object.keys(bench.began(array)).length > 0);
    const { tasks } = await bench.scheduler.report();
    const own = tasks.filter((row) => row.job === job);
    expect(own.map(({ task, tasks: count, state }) => ({ task, count, state }))).toEqual([
      { task: 1, count: 1, state: "running" },
      { task: null, count: 2, state: "waiting" },
    ]);
    expect(own[0]?.name).toBe(`qs${array.token}-demo-pool`);
    expect(own[0]?.host).toMatch(/^gpu/);
    await bench.scheduler.cancel([job]);
    await bench.gone(job);
  });

  it("tells a program's own status, from the task itself and from the accounting", async () => {
    const bench = new GridBench(grid());
    const array = bench.array("3");
    const job = await bench.scheduler.submit(array);
    const [end] = await bench.ends(job, 1);
    expect(end).toMatchObject({ job, task: 1, how: "exit", status: 3 });
    const file = path.join(array.directory, `task-1.${job}.exit`);
    expect(JSON.parse(readFileSync(file, "utf8"))).toMatchObject({ job, task: 1, status: 3 });
  });

  it("names the walltime as the end of a task that went over it", async () => {
    const bench = new GridBench(grid());
    const request = { walltime: "00:00:02", gpus: 0, slots: 1 };
    const job = await bench.scheduler.submit(bench.array("hold", { request }));
    const [end] = await bench.ends(job, 1);
    expect(end).toMatchObject({ how: "walltime" });
    expect(end?.said).toMatch(/^failed 37 /);
  });

  it("ends a waiting and a running grid job; those that are gone are no error", async () => {
    const bench = new GridBench(grid());
    const array = bench.array("hold");
    const waiting = bench.array("hold", { directives: ["-h"] });
    const jobs = [await bench.scheduler.submit(array), await bench.scheduler.submit(waiting)];
    await waitFor("a task", () => Object.keys(bench.began(array)).length > 0);
    const { tasks } = await bench.scheduler.report();
    expect(tasks.find(({ job }) => job === jobs[1])?.state).toBe("held");
    await bench.scheduler.cancel([...jobs, "999999"]);
    for (const job of jobs) await bench.gone(job);
    expect(await bench.ends(jobs[0] ?? "", 1)).toMatchObject([{ how: "killed", status: 137 }]);
    await bench.scheduler.cancel(jobs);
  });

  it("submits a token once, however often it is asked to", async () => {
    const bench = new GridBench(grid());
    const array = bench.array("hold");
    const both = [bench.scheduler, bench.another(grid().run)];
    const jobs = await Promise.all(both.map((scheduler) => scheduler.submit(array)));
    expect(await bench.scheduler.submit(array)).toBe(jobs[0]);
    expect(new Set(jobs).size).toBe(1);
    const { tasks } = await bench.scheduler.report();
    expect(tasks.filter(({ name }) => name.includes(array.token))).toHaveLength(1);
    await bench.scheduler.cancel(jobs);
    await bench.gone(jobs[0] ?? "");
  });

  it("finds the grid job again whose qsub was not heard to the end", async () => {
    const bench = new GridBench(grid(), losing(grid().run, /qsub -terse/));
    const array = bench.array("hold");
    await expect(bench.scheduler.submit(array)).rejects.toMatchObject({
      reason: "scheduler-unreachable",
    });
    const found = await bench.scheduler.find(array);
    const job = await bench.scheduler.submit(array);
    expect(found).toBe(job);
    const { tasks } = await bench.scheduler.report();
    const own = tasks.filter(({ name }) => name.includes(array.token));
    expect(own.map((task) => task.job)).toEqual([job]);
    await bench.scheduler.cancel([job]);
    await bench.gone(job);
  });

  it("finds none that was never submitted, or refused", async () => {
    const bench = new GridBench(grid());
    expect(await bench.scheduler.find(bench.array("0"))).toBeNull();
    const refused = bench.array("0", { directives: ["-P nobody"] });
    await bench.scheduler.submit(refused).catch(() => {});
    expect(await bench.scheduler.find(refused)).toBeNull();
  });

  it("refuses what no host offers, with each host's reason, and submits nothing", async () => {
    const bench = new GridBench(grid());
    const array = bench.array("0", { request: { walltime: "01:00:00", gpus: 9, slots: 1 } });
    await expect(bench.scheduler.submit(array)).rejects.toMatchObject({
      reason: "scheduler-refused",
      message: expect.stringMatching(/(?=.* host "gpu1" .* only hc:gpus=)(?=.* host "gpu2" )/),
    });
    const { tasks } = await bench.scheduler.report();
    expect(tasks.filter(({ name }) => name.includes(array.token))).toEqual([]);
  });

  it.each([
    ["-P nobody", /project "nobody" does not exist/, /sge.project/],
    ["-pe nowhere 2", /parallel environment "nowhere" does not exist/, /parallel_environment/],
    ["-l nothing=1", /unknown resource "nothing"/, /sge.gpu_resource/],
  ])(
    "refuses `%s` in Grid Engine's words and says what to correct",
    async (option, said, remedy) => {
      const bench = new GridBench(grid());
      const array = bench.array("0", { directives: [option] });
      await expect(bench.scheduler.submit(array)).rejects.toMatchObject({
        reason: "scheduler-refused",
        message: expect.stringMatching(said),
        remedy: expect.stringMatching(remedy),
      });
    },
  );

  it("ends tasks that follow a finished sweep before any line of the site is run", async () => {
    const target = grid();
    const bench = new GridBench({ ...target, setup: ["exit 5"] });
    const array = bench.array("0");
    mkdirSync(array.directory, { recursive: true });
    writeFileSync(path.join(array.directory, "done"), "");
    const job = await bench.scheduler.submit(array);
    expect(await bench.ends(job, 1)).toMatchObject([{ how: "exit", status: 0 }]);
    expect(bench.began(array)).toEqual({});
  });

  it("has a task end with 71 where a line of the site fails, and says which", async () => {
    const target = grid();
    const bench = new GridBench({ ...target, setup: ['false "it"'] });
    const array = bench.array("0");
    const job = await bench.scheduler.submit(array);
    await bench.gone(job);
    const log = readFileSync(path.join(array.logs, `${job}.1.log`), "utf8");
    expect(log).toContain('set-up line ended with status 1: false "it"');
    const exit = path.join(array.directory, `task-1.${job}.exit`);
    expect(JSON.parse(readFileSync(exit, "utf8"))).toMatchObject({ status: 71 });
  });

  it("takes no answer for none, and keeps the last one", async () => {
    const target = grid();
    const bench = new GridBench(target);
    const array = bench.array("hold");
    const job = await bench.scheduler.submit(array);
    await bench.scheduler.report();
    await target.takeAway();
    await expect(bench.scheduler.report()).rejects.toMatchObject({
      reason: "scheduler-unreachable",
    });
    expect(bench.scheduler.lastReport()?.tasks.map((task) => task.job)).toContain(job);
    await target.bringBack();
    await waitFor("an answer", () => bench.scheduler.report().catch(() => null));
    await bench.scheduler.cancel([job]);
    await bench.gone(job);
  });
}
