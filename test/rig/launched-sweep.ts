import { appendFileSync, mkdirSync, mkdtempSync, rmSync, utimesSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import path from "node:path";
import { LocalSweepAccess } from "../../orchestrator/adapters/local-sweep-access.ts";
import type { SweepAccess } from "../../orchestrator/ports/sweep-access.ts";
import type { GridWitness, Witnesses } from "../../orchestrator/tracking/witnesses.ts";
import type { LiveTrial } from "../../worker/contract/live-trial.ts";
import {
  AttemptExit,
  type AttemptFailure,
  Claim,
  SweepPlan,
  TrialResult,
} from "../../worker/contract/trial-files.ts";
import {
  type Method,
  Recipe,
  type TrialParams,
  TrialSpec,
} from "../../worker/contract/trial-spec.ts";
import { recordIntent, sweepPaths } from "../../worker/files/sweep-directory.ts";
import { attemptPaths, trialPaths } from "../../worker/files/trial-directory.ts";
import type { SeenLease } from "../../worker/queue/lease-table.ts";

const TIME = "2026-11-24T10:00:00.000Z";
const NAME = "scenes";

export interface StagedTrial {
  id: string;
  arm?: string;
  method?: Method;
  seed?: number;
  params?: TrialParams;
}

/** The directory of a launched sweep, written by hand, and what its broker would say. */
export class LaunchedSweep {
  readonly name = NAME;
  readonly root = mkdtempSync(path.join(tmpdir(), "qsweep-launched-"));
  /** What the broker says; null: there is none. */
  witnesses: Witnesses | null = null;
  /** What the scheduler says; null: there is none. */
  grid: GridWitness | null = null;
  readonly #trials: string[] = [];

  constructor() {
    mkdirSync(sweepPaths(this.root, NAME).trials, { recursive: true });
    this.#writePlan();
  }

  /** Opened as commands open it; only broker and scheduler are staged. */
  readonly open = async (): Promise<SweepAccess> => {
    const access = new LocalSweepAccess(this.root, NAME);
    return Object.assign(access, {
      witnesses: async () => this.witnesses,
      grid: async () => this.grid,
    });
  };

  add({ id, arm = "full", method = "full", seed = 0, params = {} }: StagedTrial): string {
    const spec: TrialSpec = {
      version: 1,
      id,
      sweep: NAME,
      arm,
      seed,
      params,
      recipe: recipe(method, seed),
      paths: { model: null, dataset: "/data" },
      settings: { checkpoint_every_seconds: 60, max_bad_images: 0 },
    };
    mkdirSync(this.directory(id));
    writeJson(trialPaths(this.directory(id)).spec, TrialSpec.parse(spec));
    this.#trials.push(id);
    this.#writePlan();
    return id;
  }

  directory(trial: string): string {
    return path.join(sweepPaths(this.root, NAME).trials, trial);
  }

  claim(trial: string, attempt: number, pilot = "pilot-a"): void {
    const { claim, directory } = attemptPaths(this.directory(trial), attempt);
    mkdirSync(directory, { recursive: true });
    writeJson(claim, Claim.parse({ version: 1, nonce: "n", pilot, host: "here", time: TIME }));
  }

  /** Makes a claim look as old as that. */
  age(trial: string, attempt: number, seconds: number): void {
    const then = new Date(Date.now() - seconds * 1000);
    utimesSync(attemptPaths(this.directory(trial), attempt).claim, then, then);
  }

  append(trial: string, attempt: number, file: "log" | "events", text: string): void {
    appendFileSync(attemptPaths(this.directory(trial), attempt)[file], text);
  }

  /** Claims an attempt and ends it. */
  end(trial: string, attempt: number, exit: Partial<AttemptExit>): void {
    this.claim(trial, attempt);
    const { exit: file } = attemptPaths(this.directory(trial), attempt);
    writeJson(file, AttemptExit.parse({ version: 1, step: 0, ...exit }));
  }

  fail(trial: string, attempt: number, failure: Partial<AttemptFailure> = {}): void {
    const full = { reason: "nan-loss" as const, message: "loss is NaN", retryable: false };
    this.end(trial, attempt, { outcome: "failed", failure: { ...full, ...failure } });
  }

  finish(trial: string, attempt: number, cider: number): void {
    this.end(trial, attempt, { outcome: "finished", step: 20 });
    const result: TrialResult = {
      version: 1,
      trial,
      attempt,
      metrics: { cider },
      best: { epoch: 1, step: 20, checkpoint: `attempts/${attempt}/checkpoints/best-step-20` },
      epochs: [
        { epoch: 0, step: 10, loss: 3.5, metrics: { cider: cider / 2 } },
        { epoch: 1, step: 20, loss: 2.5, metrics: { cider } },
      ],
      steps: 20,
      images: { val: 4 },
      bad_images: 0,
      engine: { engine: "cpu", tensorflow: null, device: "cpu", library: null, threads: 1 },
      finished_at: TIME,
    };
    writeJson(trialPaths(this.directory(trial)).result, TrialResult.parse(result));
  }

  stop(trials: "all" | string[]): void {
    const intent = { version: 1, kind: "stop", trials, time: TIME } as const;
    recordIntent(sweepPaths(this.root, NAME), intent);
  }

  dispose(): void {
    rmSync(this.root, { recursive: true });
  }

  #writePlan(): void {
    const plan: SweepPlan = {
      version: 1,
      sweep: NAME,
      site: "local",
      trials: this.#trials,
      pilots: 2,
      pools: [{ pool: "p1", pilots: 2, trials: this.#trials }],
      lease_seconds: 15,
      max_failures: 3,
    };
    writeJson(sweepPaths(this.root, NAME).plan, SweepPlan.parse(plan));
  }
}

/** A lease as the broker shows it, renewed two seconds ago. */
export function lease(attempt: number, pilot = "pilot-a"): SeenLease {
  return { attempt, pilot, expires: 13_000, ageSeconds: 2, expired: false };
}

/** What a pilot shows of a trial in its first epoch of two. */
export function live(values: Partial<LiveTrial> = {}): LiveTrial {
  return {
    version: 1,
    attempt: 1,
    pilot: "pilot-a",
    host: "here",
    phase: "training",
    epoch: 0,
    epochs: 2,
    step: 5,
    steps: 20,
    loss: 4.25,
    cider: null,
    eta_seconds: 30,
    ...values,
  };
}

function recipe(method: Method, seed: number): Recipe {
  const train = {
    epochs: 2,
    batch_size: 4,
    captions: "all",
    max_length: 20,
    labels: "pads_masked",
    lr: 1e-3,
    optimizer: { name: "adamw", betas: [0.9, 0.999], eps: 1e-8, weight_decay: 0.01 },
    schedule: "constant",
    precision: "float32",
  };
  const isTrained = method === "full" || method === "lora";
  return Recipe.parse({
    method,
    ...(method !== "constant" && { model: { digest: "0", init: "pretrained" } }),
    ...(isTrained && { train }),
    ...(method === "lora" && {
      train: { ...train, encoder_cache: "off" },
      lora: { r: 4, alpha: 8, dropout: 0, target_modules: ["query"] },
    }),
    decode: { num_beams: 1, max_new_tokens: 8 },
    objective: { metric: "cider", split: "val", mode: "max" },
    validate: { every_epochs: 1, images: "all" },
    dataset: { format: "vizwiz", precanned: "drop", rejected: "drop", annotations: {} },
    seed,
  });
}

function writeJson(file: string, value: unknown): void {
  writeFileSync(file, `${JSON.stringify(value)}\n`);
}
