import { mkdir, writeFile } from "node:fs/promises";
import path from "node:path";
import { writeDemoSet } from "../../worker/data/demo-set.ts";
import { packageRoot } from "../../worker/files/package-root.ts";
import { sideOf } from "./alternate.ts";
import type { BenchContext, Row, RowResult } from "./row.ts";
import { qsweep } from "./score-row.ts";
import { stageSweep, SWEEP } from "./staged-sweep.ts";
import type { Target } from "./target.ts";
import { alternateProcesses } from "./whole-process.ts";

const LIMIT_SECONDS = 60;
const RATES = 1000;
const SEEDS = 100;
const LAUNCHED = 10_000;
const QUICK_RATES = 2;
const QUICK_LAUNCHED = 100;

export const plan100k: Row = {
  name: "plan-100k",
  compares: "`qsweep plan` of 100,000 trials, as people see it and as JSON",
  minutes: 1,
  targets: withinSeconds(2),
  async run(bench) {
    const file = await writeSweep(bench.folder, bench.isQuick ? QUICK_RATES : RATES);
    const tableAndJson = [
      ["table", "plan", file],
      ["--json", "plan", file, "--json"],
    ];
    return timeCommands(bench, tableAndJson, 5);
  },
};

export const status10k: Row = {
  name: "status-10k",
  compares: "`qsweep status` of 10,000 launched trials, half of them finished, without a broker",
  minutes: 1,
  targets: withinSeconds(0.5),
  async run(bench) {
    const trials = bench.isQuick ? QUICK_LAUNCHED : LAUNCHED;
    const file = await writeSweep(bench.folder, trials / SEEDS);
    stageSweep({
      root: path.join(bench.folder, "root"),
      trials,
      pilots: 4,
      finished: trials / 2,
    });
    const tableAndJson = [
      ["table", "status", file],
      ["--json", "status", file, "--json"],
    ];
    return timeCommands(bench, tableAndJson, 10);
  },
};

/** Of both, as people see it and as JSON. */
function withinSeconds(atMost: number): Target[] {
  return ["qsweep, table", "qsweep, --json"].map((side) => {
    return { side, figure: "median", against: null, limit: { atMost } };
  });
}

async function timeCommands(
  { folder, isQuick, progress }: BenchContext,
  commands: readonly string[][],
  turns: number,
): Promise<RowResult> {
  const env = { QSWEEP_STATE: path.join(folder, "state") };
  const programs = commands.map(([side = "", ...words]) => ({
    side: `qsweep, ${side}`,
    argv: [process.execPath, qsweep(), ...words] as [string, ...string[]],
    env,
    limitSeconds: LIMIT_SECONDS,
  }));
  const taken = await alternateProcesses({
    programs,
    warmUps: 1,
    turns: isQuick ? 1 : turns,
    progress,
  });
  const sides = taken.map((one) => sideOf(one, { unit: "s" }));
  return { sides, reference: null, notes: [] };
}

/** A sweep file of `count` learning rates for each of 100 seeds, with its site and data set. */
async function writeSweep(folder: string, count: number): Promise<string> {
  const rates = Array.from({ length: count }, (_, index) => ((index + 1) * 1e-6).toPrecision(4));
  const seeds = Array.from({ length: SEEDS }, (_, index) => index);
  const model = path.join(packageRoot(), "configs", "models", "demo-blip");
  await writeDemoSet(path.join(folder, "data"), { seed: 5, train: 8, val: 4, domain: "simple" });
  await mkdir(path.join(folder, "sites"));
  await mkdir(path.join(folder, "sweeps"));
  const site = "scheduler: local\nroot: ../root\nlease: 60s\n";
  await writeFile(path.join(folder, "sites", "bench.yaml"), site);
  const lines = [
    `name: ${SWEEP}`,
    "site: bench",
    "dataset: { format: vizwiz, root: ../data }",
    "objective: { metric: cider, split: val, mode: max }",
    `seeds: [${seeds.join(", ")}]`,
    "arms:",
    "  full:",
    `    model: ${JSON.stringify(model)}`,
    "    method: full",
    `    lr: { grid: [${rates.join(", ")}] }`,
    "pilots: 4",
  ];
  const file = path.join(folder, "sweeps", `${SWEEP}.yaml`);
  await writeFile(file, `${lines.join("\n")}\n`);
  return file;
}
