import { mkdirSync, statSync } from "node:fs";
import path from "node:path";
import { sweepPaths } from "../../worker/files/sweep-directory.ts";
import { attemptPaths, trialPaths } from "../../worker/files/trial-directory.ts";
import { newestBroker } from "../../worker/queue/broker-address.ts";
import { kill } from "../rig/local-site.ts";
import { Contestant } from "./contestant.ts";
import type { BenchContext, Row, RowResult, Side } from "./row.ts";
import { spreadOf } from "./spread.ts";
import { stageSweep, SWEEP } from "./staged-sweep.ts";
import { demoSpec, secondsToEvent } from "./startup-row.ts";

const PILOTS = 4;
const COUNTS = [1000, 10_000];
const QUICK_COUNTS = [20];
const ROUNDS = 3;
const STARTS = 5;
const LIMIT_SECONDS = 300;

export const noOpTrials: Row = {
  name: "no-op-trials",
  compares: "milliseconds a trial that trains nothing, from claim to durable result, 4 pilots",
  minutes: 3,
  targets: [{ side: "10000 trials", figure: "median", against: null, limit: { atMost: 2 } }],
  run: measureNoOps,
};

export const trainerStart: Row = {
  name: "trainer-start",
  compares:
    "a trainer from the start of its process until it trains, which no-op-trials leaves out",
  minutes: 1,
  targets: [],
  async run({ folder, isQuick, progress }) {
    const spec = await demoSpec(path.join(folder, "data"));
    const seconds: number[] = [];
    for (let turn = 0; turn < (isQuick ? 1 : STARTS); turn += 1) {
      const directory = path.join(folder, `trial-${turn}`);
      seconds.push(await secondsToEvent("started", { directory, spec }));
      progress(`${seconds.at(-1)?.toFixed(2)} s`);
    }
    const side = { side: "trainer", unit: "s" as const, spread: spreadOf(seconds) };
    const notes = ["engine, demo model, captions and pictures are loaded and checked in it"];
    return { sides: [{ ...side, peakMebibytes: null }], reference: null, notes };
  },
};

async function measureNoOps(bench: BenchContext): Promise<RowResult> {
  const sides: Side[] = [];
  const rounds = bench.isQuick ? 1 : ROUNDS;
  for (const trials of bench.isQuick ? QUICK_COUNTS : COUNTS) {
    const each: number[] = [];
    for (let round = 0; round < rounds; round += 1) {
      const root = path.join(bench.folder, `${trials}-${round}`);
      each.push(await millisecondsEach(root, trials));
      bench.progress(`${trials} trials: ${each.at(-1)?.toFixed(2)} ms each`);
    }
    const side = `${trials} trials`;
    sides.push({ side, unit: "ms", spread: spreadOf(each), peakMebibytes: null });
  }
  const notes = [
    `time from the first claim to the last result of all, over their number; ${rounds} sweeps each`,
    "pilots, broker and files are real; what stands for the trainer writes what one leaves behind",
  ];
  return { sides, reference: null, notes };
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
