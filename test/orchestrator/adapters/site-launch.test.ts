import path from "node:path";
import { expect, it } from "vitest";
import { localSite } from "../../../orchestrator/adapters/local-site.ts";
import { SiteLaunch } from "../../../orchestrator/adapters/site-launch.ts";
import type { GridReport, GridTask, Scheduler } from "../../../orchestrator/ports/scheduler.ts";
import { resolveSweep } from "../../../orchestrator/sweep/resolve-sweep.ts";
import { acceptGridJob, recordSubmission } from "../../../worker/files/submission-directory.ts";
import { sweepPaths } from "../../../worker/files/sweep-directory.ts";
import { SweepFolder } from "../sweep/sweep-folder.ts";

const TOKEN = "0a1b2c3d";

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

/** How many pilots a launch counts of a submission just made, given the scheduler's answers. */
async function countedPilots(reports: GridReport[]): Promise<number[]> {
  using folder = new SweepFolder();
  const sweep = await resolveSweep(folder.sweep, [], async (site) => localSite(site.root));
  const launch = new SiteLaunch(answering(reports));
  await launch.record(sweep, { prune: false });
  const directory = path.join(sweepPaths(sweep.site.root, sweep.name).submissions, TOKEN);
  const array = { version: 1, token: TOKEN, pool: "p1", at_once: 2, slices: 1 } as const;
  recordSubmission(directory, { ...array, program: "pilot" });
  acceptGridJob(directory, "7");
  return (await launch.pools(sweep)).map(({ live }) => live);
}

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

it("does not take a pilot for gone by an answer older than its submission", async () => {
  const reports = [
    { ageSeconds: 14, tasks: [] },
    { ageSeconds: 0, tasks: [PILOT] },
  ];
  expect(await countedPilots(reports)).toEqual([1]);
});
