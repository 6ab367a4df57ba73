// A pilot as it is, but what stands for its trainers finishes at once: `no-op-pilot ROOT NUMBER`.
import { mkdirSync } from "node:fs";
import path from "node:path";
import { writeFileDurably } from "../../../worker/files/durable-write.ts";
import { sweepPaths } from "../../../worker/files/sweep-directory.ts";
import { attemptPaths } from "../../../worker/files/trial-directory.ts";
import { runPilot } from "../../../worker/pilot/pilot.ts";
import type { Trainer, TrainerStart } from "../../../worker/pilot/trainer-process.ts";
import { FINISHED, LEASE_SECONDS, POOL, resultOf, SWEEP } from "../staged-sweep.ts";
import { answer } from "./answer.ts";

/** Writes what a trainer leaves behind, as durably. */
function noOpTrainer({ trialDirectory, attempt }: TrainerStart): Trainer {
  const files = attemptPaths(trialDirectory, attempt);
  mkdirSync(files.directory, { recursive: true });
  writeFileDurably(files.result, `${JSON.stringify(resultOf(path.basename(trialDirectory)))}\n`);
  writeFileDurably(files.exit, `${JSON.stringify(FINISHED)}\n`);
  return { ended: Promise.resolve({ status: 0, signal: null }), stop: () => {} };
}

const [root = "", number = ""] = process.argv.slice(2);
const submission = path.join(sweepPaths(root, SWEEP).submissions, "bench");
const settings = {
  root,
  leaseSeconds: LEASE_SECONDS,
  placement: "here" as const,
  sweep: SWEEP,
  pool: POOL,
  submission,
  name: `1.${number}`,
  threads: 1,
  signOffFile: path.join(submission, `task-${number}.left`),
  slice: null,
  gpus: null,
  featuresLimitBytes: 0,
  leaving: new AbortController().signal,
  log: () => {},
};

await answer({}, () => runPilot(settings, { startTrainer: noOpTrainer }));
