import path from "node:path";
import { describe, expect, it } from "vitest";
import { localSite } from "../../../orchestrator/adapters/local-site.ts";
import { SiteLaunch } from "../../../orchestrator/adapters/site-launch.ts";
import type { GridReport, GridTask, Scheduler } from "../../../orchestrator/ports/scheduler.ts";
import { resolveSweep } from "../../../orchestrator/sweep/resolve-sweep.ts";
import { acceptGridJob, recordSubmission } from "../../../worker/files/submission-directory.ts";
import { readSweep, recordIntent, sweepPaths } from "../../../worker/files/sweep-directory.ts";
import { SweepFolder } from "../sweep/sweep-folder.ts";

const TOKEN = "0a1b2c3d";
const TIME = "2026-11-24T10:00:00.000Z";

const PILOT: GridTask = {
  job: "7",
  task: 1,
  tasks: 1,
  name: `qs${TOKEN}-tiny-p1`,
  state: "running",
  shown: "r",
  host: "gpu1",
};

/** Gives these answers, one a call; asking for more is an error. */
function answering(reports: GridReport[]): Scheduler {
  const refuse = () => Promise.reject(new Error("not to be called"));
  return {
    submit: refuse,
    find: refuse,
    ended: refuse,
    cancel: refuse,
    report: async () => reports.shift() ?? refuse(),
  };
}

interface Counting {
  /** Whether every trial is stopped, so that none needs a pilot. */
  stopped?: boolean;
}

/** How many pilots a launch counts of a submission just made, given the scheduler's answers. */
async function countedPilots(
  reports: GridReport[],
  { stopped = false }: Counting = {},
): Promise<number[]> {
  using folder = new SweepFolder();
  const sweep = await resolveSweep(folder.sweep, [], async (site) => localSite(site.root));
  const launch = new SiteLaunch(answering(reports));
  await launch.record(sweep, { prune: false });
  const paths = sweepPaths(sweep.site.root, sweep.name);
  const directory = path.join(paths.submissions, TOKEN);
  const array = { version: 1, token: TOKEN, pool: "p1", at_once: 2, slices: 1 } as const;
  recordSubmission(directory, { ...array, program: "pilot" });
  acceptGridJob(directory, "7");
  if (stopped) recordIntent(paths, { version: 1, kind: "stop", trials: "all", time: TIME });
  return (await launch.pools(sweep)).map(({ live }) => live);
}

describe("launching a file again", () => {
  /** Launches a sweep of these learning rates; a file that is there is edited. */
  async function launch(folder: SweepFolder, rates: string, { prune }: { prune: boolean }) {
    const set = `arms.full.lr={grid: [${rates}]}`;
    const sweep = await resolveSweep(folder.sweep, [set], async (site) => localSite(site.root));
    const site = new SiteLaunch(answering([{ ageSeconds: 0, tasks: [] }]));
    const shown = await site.compare(sweep);
    const done = await site.record(sweep, { prune });
    expect(done).toEqual(shown);
    const record = readSweep(sweepPaths(sweep.site.root, sweep.name));
    const stopped = record?.trials.filter(({ wish }) => wish.stopped).map(({ spec }) => spec.id);
    const counts = [done.added, done.kept, done.removed].map(({ length }) => length);
    return { done, counts, inPlan: record?.plan.trials, stopped };
  }

  it("adds what is new, keeps what is known, and lets what left the file go on", async () => {
    using folder = new SweepFolder();
    const first = await launch(folder, "1e-5, 5e-5", { prune: false });
    expect(first.counts).toEqual([2, 0, 0]);
    const again = await launch(folder, "5e-5, 1e-4", { prune: false });
    expect(again.counts).toEqual([1, 1, 1]);
    const { added, kept, removed } = again.done;
    expect(again.inPlan?.toSorted()).toEqual([...added, ...kept, ...removed].toSorted());
    expect(again.stopped).toEqual([]);
  });

  it("with --prune has what left the file stopped, until the file names it again", async () => {
    using folder = new SweepFolder();
    await launch(folder, "1e-5, 5e-5", { prune: false });
    const pruned = await launch(folder, "5e-5", { prune: true });
    expect(pruned.counts).toEqual([0, 1, 1]);
    expect(pruned.inPlan).toEqual(pruned.done.kept);
    const back = await launch(folder, "1e-5, 5e-5", { prune: false });
    expect(back.counts).toEqual([1, 1, 0]);
    expect(back.done.added).toEqual(pruned.done.removed);
    expect(back.stopped).toEqual([]);
  });
});

it("counts pilots by an answer that was given after the launch began", async () => {
  expect(await countedPilots([{ ageSeconds: 0, tasks: [PILOT] }])).toEqual([1]);
});

it("does not count a pilot that an older answer shows: it may have been deleted since", async () => {
  const reports = [
    { ageSeconds: 14, tasks: [PILOT] },
    { ageSeconds: 0, tasks: [] },
  ];
  expect(await countedPilots(reports)).toEqual([0]);
});

it("waits for no answer where no trial needs a pilot", async () => {
  const reports = [{ ageSeconds: 14, tasks: [PILOT] }];
  expect(await countedPilots(reports, { stopped: true })).toEqual([1]);
});

it("does not take a pilot for gone by an answer older than its submission", async () => {
  const reports = [
    { ageSeconds: 14, tasks: [] },
    { ageSeconds: 0, tasks: [PILOT] },
  ];
  expect(await countedPilots(reports)).toEqual([1]);
});
