import { mkdirSync, statSync } from "node:fs";
import path from "node:path";
import { sweepPaths } from "../../worker/files/sweep-directory.ts";
import { attemptPaths, trialPaths } from "../../worker/files/trial-directory.ts";
import { newestBroker } from "../../worker/queue/broker-address.ts";
import { kill } from "../rig/local-site.ts";
import { sideOf } from "./alternate.ts";
import { Contestant } from "./contestant.ts";
import type { BenchContext, Row, RowResult, Side } from "./row.ts";
import { spreadOf } from "./spread.ts";
import { stageSweep, SWEEP } from "./staged-sweep.ts";
import { alternateProcesses } from "./whole-process.ts";

const PILOTS = 4;
const COUNTS = [1000, 10_000];
const ROUNDS = 3;
const LIMIT_SECONDS = 300;

export const noOpTrials: Row = {
  name: "no-op-trials",
  compares: "milliseconds a trial that trains nothing, from claim to durable result, 4 pilots",
  minutes: 3,
  run: measureNoOps,
};

export const trainerStart: Row = {
  name: "trainer-start",
  compares: "start and end of a Node process that does nothing, which each trial adds to no-op-trials",
  minutes: 1,
  async run({ progress }) {
    const program = { side: "empty process", argv: [process.execPath, "-e", "0"] as [string] };
    const programs = [{ ...program, limitSeconds: 10 }];
    const taken = await alternateProcesses({ programs, warmUps: 2, turns: 20, progress });
    const sides = taken.map((one) => sideOf(one, { unit: "ms" }));
    return { sides, hasReference: false, notes: [] };
  },
};

async function measureNoOps(bench: BenchContext): Promise<RowResult> {
  const sides: Side[] = [];
  for (const trials of COUNTS) {
    const each: number[] = [];
    for (let round = 0; round < ROUNDS; round += 1) {
      const root = path.join(bench.folder, `${trials}-${round}`);
      each.push(await millisecondsEach(root, trials));
      bench.progress(`${trials} trials: ${each.at(-1)?.toFixed(2)} ms each`);
    }
    const side = `${trials} trials`;
    sides.push({ side, unit: "ms", spread: spreadOf(each), peakMebibytes: null });
  }
  const notes = [
    `time from the first claim to the last result of all, over their number; ${ROUNDS} sweeps each`,
    "pilots, broker and files are real; in place of a trainer's process a function ends at once",
  ];
  return { sides, hasReference: false, notes };
}

async function millisecondsEach(root: string, trials: number): Promise<number> {
  const ids = stageSweep({ root, trials, pilots: PILOTS, finished: 0 });
  mkdirSync(path.join(sweepPaths(root, SWEEP).submissions, "bench"), { recursive: true });
  const script = path.join(import.meta.dirname, "ours", "no-op-pilot.js");
  const pilots: Contestant[] = [];
  try {
    for (let number = 1; number <= PILOTS; number += 1) {
      const argv: [string, ...string[]] = [process.execPath, script, root, String(number)];
      const side = `pilot ${number}`;
      pilots.push(await Contestant.start({ side, argv, limitSeconds: LIMIT_SECONDS }));
    }
    await Promise.all(pilots.map((pilot) => pilot.turn()));
  } finally {
    for (const pilot of pilots) await pilot.stop();
    const broker = newestBroker(root)?.pid;
    if (broker) kill(broker);
  }
  const directories = ids.map((id) => `${sweepPaths(root, SWEEP).trials}/${id}`);
  const claimed = directories.map((one) => statSync(attemptPaths(one, 1).claim).mtimeMs);
  const published = directories.map((one) => statSync(trialPaths(one).result).ctimeMs);
  const first = claimed.reduce((least, time) => Math.min(least, time));
  const last = published.reduce((most, time) => Math.max(most, time));
  return (last - first) / trials;
}
