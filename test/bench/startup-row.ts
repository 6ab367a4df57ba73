import { fork } from "node:child_process";
import { mkdir, writeFile } from "node:fs/promises";
import path from "node:path";
import type { TrialEvent } from "../../worker/contract/trial-event.ts";
import type { TrialSpec } from "../../worker/contract/trial-spec.ts";
import { writeDemoSet } from "../../worker/data/demo-set.ts";
import { trainerEnvironment } from "../../worker/engine/engine-state.ts";
import { datasetDigest } from "../../worker/files/dataset-digest.ts";
import { modelDigest } from "../../worker/files/model-digest.ts";
import { packageRoot } from "../../worker/files/package-root.ts";
import { trialPaths } from "../../worker/files/trial-directory.ts";
import { sideOf, type Taken } from "./alternate.ts";
import { Contestant } from "./contestant.ts";
import type { BenchContext, Row, RowResult } from "./row.ts";
import { specOf } from "./staged-sweep.ts";
import { THREADS } from "./step-rows.ts";

const MODEL = path.join(packageRoot(), "configs", "models", "demo-blip");
/** Of the model and its trial, for the other side: batch, pixels, tokens, vocabulary. */
const DEMO_SIZE = ["16", "64", "16", "353"];
const TRIAL = "t000000000001";
const WARM_UPS = 1;
const TURNS = 5;
const LIMIT_SECONDS = 120;

export const startup: Row = {
  name: "startup",
  compares: "a trainer from the start of its process to the end of its first step, demo model",
  minutes: 1,
  targets: [],
  run: measureStartup,
};

async function measureStartup(bench: BenchContext): Promise<RowResult> {
  const spec = await demoSpec(path.join(bench.folder, "data"));
  const python = await bench.python();
  const sides = [
    {
      taken: emptyTaken("qsweep trainer"),
      start: (turn: number) => {
        const directory = path.join(bench.folder, `trial-${turn}`);
        return secondsToEvent("step", { directory, spec });
      },
    },
    { taken: emptyTaken("PyTorch"), start: () => theirStart(python) },
  ];
  const [first, end] = bench.isQuick ? [0, 1] : [-WARM_UPS, TURNS];
  for (let turn = first; turn < end; turn += 1) {
    for (const { taken, start } of sides) {
      const seconds = await start(turn);
      bench.progress(`${taken.side}: ${seconds.toFixed(2)} s`);
      if (turn >= 0) taken.seconds.push(seconds);
    }
  }
  return {
    sides: sides.map(({ taken }) => sideOf(taken, { unit: "s" })),
    reference: "PyTorch",
    notes: [
      "qsweep reads and checks model, captions and pictures; PyTorch draws weights and a batch",
    ],
  };
}

function emptyTaken(side: string): Taken {
  return { side, seconds: [], peakMebibytes: null, ready: {}, last: {} };
}

/** A trial of the demo model on a few drawn pictures. */
export async function demoSpec(dataset: string): Promise<TrialSpec> {
  await writeDemoSet(dataset, { seed: 5, train: 32, val: 4, domain: "scenes" });
  const spec = specOf(TRIAL, 0);
  const annotations = await datasetDigest({ root: dataset, splits: ["train", "val"] });
  const digest = await modelDigest({ directory: MODEL, init: "pretrained" });
  const { recipe } = spec;
  return {
    ...spec,
    recipe: {
      ...recipe,
      model: { digest, init: "pretrained" },
      dataset: { ...recipe.dataset, annotations },
    },
    paths: { model: MODEL, dataset },
  };
}

/** Seconds from the start of a trainer to its first event of a type, in a new trial directory. */
export async function secondsToEvent(
  type: TrialEvent["type"],
  { directory, spec }: { directory: string; spec: TrialSpec },
): Promise<number> {
  await mkdir(path.join(directory, "attempts", "1"), { recursive: true });
  await writeFile(trialPaths(directory).spec, JSON.stringify(spec));
  const trainer = path.join(packageRoot(), "dist", "worker", "trainer.js");
  const began = performance.now();
  const child = fork(trainer, [directory, "1"], {
    env: { ...process.env, ...trainerEnvironment({ threads: THREADS }) },
    stdio: ["ignore", "ignore", "ignore", "ipc"],
    timeout: LIMIT_SECONDS * 1000,
    killSignal: "SIGKILL",
  });
  const gone = new Promise<void>((resolve) => child.on("exit", () => resolve()));
  const reached = new Promise<number>((resolve) => {
    child.on("message", ({ event }: { event: TrialEvent }) => {
      if (event.type === type) resolve((performance.now() - began) / 1000);
    });
  });
  const seconds = await Promise.race([reached, gone.then(() => null)]);
  child.kill("SIGKILL");
  await gone;
  if (seconds === null) throw new Error(`the trainer ended before its event ${type}`);
  return seconds;
}

async function theirStart(python: string): Promise<number> {
  const script = path.join(import.meta.dirname, "python", "step.py");
  const began = performance.now();
  const contestant = await Contestant.start({
    side: "PyTorch",
    argv: [python, script, MODEL, ...DEMO_SIZE, String(THREADS), "null"],
    env: { OMP_NUM_THREADS: String(THREADS) },
    limitSeconds: LIMIT_SECONDS,
  });
  try {
    await contestant.turn();
    return (performance.now() - began) / 1000;
  } finally {
    await contestant.stop();
  }
}
