import { createHash } from "node:crypto";
import { mkdirSync, writeFileSync } from "node:fs";
import type {
  AttemptExit,
  Claim,
  SweepPlan,
  TrialResult,
} from "../../worker/contract/trial-files.ts";
import type { TrialSpec } from "../../worker/contract/trial-spec.ts";
import { storeOutlines } from "../../worker/files/spec-outlines.ts";
import { sweepPaths } from "../../worker/files/sweep-directory.ts";
import { attemptPaths, trialPaths } from "../../worker/files/trial-directory.ts";

const TIME = "2026-11-24T10:00:00.000Z";
export const SWEEP = "bench";
export const POOL = "p1";
export const LEASE_SECONDS = 60;

export interface StagedSweep {
  root: string;
  trials: number;
  pilots: number;
  /** Trials that are finished; the first ones. */
  finished: number;
}

/** Writes a launched sweep as `launch` and pilots leave it; returns the trials' ids. */
export function stageSweep({ root, trials, pilots, finished }: StagedSweep): string[] {
  const paths = sweepPaths(root, SWEEP);
  const ids = Array.from({ length: trials }, (_, index) => trialId(index));
  for (const [index, id] of ids.entries()) {
    const directory = `${paths.trials}/${id}`;
    mkdirSync(directory, { recursive: true });
    writeJson(trialPaths(directory).spec, specOf(id, index));
    if (index < finished) finish(directory, id);
  }
  const plan: SweepPlan = {
    version: 1,
    sweep: SWEEP,
    site: "local",
    trials: ids,
    pilots,
    pools: [{ pool: POOL, pilots, trials: ids }],
    lease_seconds: LEASE_SECONDS,
    max_failures: 3,
  };
  writeJson(paths.plan, plan);
  storeOutlines(paths, ids);
  return ids;
}

function trialId(index: number): string {
  return `t${createHash("sha256").update(String(index)).digest("hex").slice(0, 12)}`;
}

/** The spec of a trial of its own; its model and data set are nowhere. */
export function specOf(id: string, index: number) {
  const seed = index % 2;
  const lr = 1e-5 * (1 + index);
  return {
    version: 1,
    id,
    sweep: SWEEP,
    arm: "full",
    seed,
    params: { lr },
    recipe: {
      method: "full" as const,
      model: { digest: "a".repeat(64), init: "pretrained" },
      train: {
        epochs: 5,
        batch_size: 16,
        accumulate: 1,
        captions: "all",
        max_length: 32,
        labels: "pads_masked",
        lr,
        optimizer: { name: "adamw", betas: [0.9, 0.999], eps: 1e-8, weight_decay: 0.01 },
        schedule: "constant",
        precision: "float32",
      },
      decode: { num_beams: 1, max_new_tokens: 20 },
      objective: { metric: "cider", split: "val", mode: "max" },
      validate: { every_epochs: 1, images: "all" },
      dataset: { format: "vizwiz", precanned: "drop", rejected: "drop", annotations: {} },
      seed,
    },
    paths: { model: null, dataset: "/data" },
    settings: { checkpoint_every_seconds: 60, max_bad_images: 0 },
  } satisfies TrialSpec;
}

function finish(directory: string, id: string): void {
  const files = attemptPaths(directory, 1);
  mkdirSync(files.directory, { recursive: true });
  const claim: Claim = { version: 1, nonce: "n", pilot: "7.1.abcdef", host: "here", time: TIME };
  writeJson(files.claim, claim);
  writeJson(files.exit, FINISHED);
  writeJson(trialPaths(directory).result, resultOf(id));
}

export const FINISHED: AttemptExit = { version: 1, outcome: "finished", step: 20 };

/** What a trial of the staged sweep ends with. */
export function resultOf(trial: string): TrialResult {
  const epochs = [0, 1, 2, 3, 4].map((epoch) => ({
    epoch,
    step: 4 * (epoch + 1),
    loss: 3.5,
    metrics: { cider: 0.5 },
  }));
  return {
    version: 1,
    trial,
    attempt: 1,
    metrics: { cider: 0.5 },
    best: { epoch: 4, step: 20, checkpoint: null },
    epochs,
    steps: 20,
    images: { train: 16, val: 4 },
    bad_images: 0,
    engine: { engine: "cpu", tensorflow: null, device: "cpu", library: null, threads: 1 },
    finished_at: TIME,
  };
}

function writeJson(file: string, value: unknown): void {
  writeFileSync(file, `${JSON.stringify(value)}\n`);
}
