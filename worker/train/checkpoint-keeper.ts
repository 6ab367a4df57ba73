import { copyFile, link, writeFile } from "node:fs/promises";
import path from "node:path";
import type { EngineInfo } from "../contract/trial-event.ts";
import type { CheckpointManifest } from "../contract/trial-files.ts";
import { attemptPaths, claimedAttempts } from "../files/trial-directory.ts";
import type { AdamWState } from "./adamw.ts";
import { type AttemptClock, AttemptStopped } from "./attempt-control.ts";
import { writeCheckpoint } from "./checkpoint.ts";
import { pruneCheckpoints } from "./checkpoint-retention.ts";
import type { Prediction } from "./evaluate.ts";
import type { EventLog } from "./event-log.ts";
import { saveOptimizerState } from "./optimizer-state.ts";

/** How far a trial has come: what a checkpoint's manifest holds. */
export type TrainingProgress = Pick<
  CheckpointManifest,
  "step" | "epoch" | "step_in_epoch" | "loss_sum" | "epochs" | "best"
>;

export const PREDICTIONS = "predictions.json";

export interface CheckpointKeeperOptions {
  trialDirectory: string;
  trial: string;
  attempt: number;
  engine: EngineInfo;
  everySeconds: number;
  stepsPerEpoch: number;
  clock: AttemptClock;
  log: EventLog;
  /** Writes the whole model or adapter folder into a directory; returns the files' names. */
  saveWeights: (directory: string) => Promise<string[]>;
}

/** Throws `AttemptStopped` when a higher claim exists: the attempt must not write any more. */
export function assertCurrent(trialDirectory: string, attempt: number): void {
  if (claimedAttempts(trialDirectory).some((claimed) => claimed > attempt)) {
    throw new AttemptStopped("superseded");
  }
}

/** Writes an attempt's checkpoints, when they are due, and deletes those no longer needed. */
export class CheckpointKeeper {
  readonly #options: CheckpointKeeperOptions;
  readonly #parent: string;
  #lastName: string | null = null;
  #lastSeconds: number;
  /**
   * The weights of the best checkpoint written at the current step, to be linked, not rewritten.
   */
  #sameWeights: { step: number; directory: string; names: string[] } | null = null;

  constructor(options: CheckpointKeeperOptions) {
    this.#options = options;
    this.#parent = attemptPaths(options.trialDirectory, options.attempt).checkpoints;
    this.#lastSeconds = options.clock.monotonicSeconds();
  }

  /** Takes note that this state is on disk already: the attempt continues from it. */
  resumedFrom(progress: TrainingProgress): void {
    this.#lastName = this.#resumableName(progress);
  }

  /** Whether the time between checkpoints has passed since the last one. */
  get isDue(): boolean {
    const { clock, everySeconds } = this.#options;
    return clock.monotonicSeconds() - this.#lastSeconds >= everySeconds;
  }

  /**
   * Writes the weights as a complete model (or adapter) folder with its captions; returns its path
   * relative to the trial directory. Throws `AttemptStopped` when superseded, and Failure
   * `disk-full`.
   */
  async saveBest(progress: TrainingProgress, predictions: Prediction[]): Promise<string> {
    let names: string[] = [];
    const directory = await this.#write(`best-step-${progress.step}`, {
      kind: "weights",
      progress,
      fill: async (into) => {
        names = await this.#options.saveWeights(into);
        await writeFile(path.join(into, PREDICTIONS), `${JSON.stringify(predictions)}\n`);
      },
    });
    this.#sameWeights = { step: progress.step, directory, names };
    return path.relative(this.#options.trialDirectory, directory);
  }

  /**
   * Writes everything needed to continue as if never stopped, unless it is on disk already, then
   * deletes what that makes superfluous. Throws `AttemptStopped` when superseded, and Failure
   * `disk-full`.
   */
  async saveResumable(progress: TrainingProgress, optimizer: AdamWState): Promise<void> {
    const { trialDirectory, attempt } = this.#options;
    const name = this.#resumableName(progress);
    if (name === this.#lastName) return;
    const directory = await this.#write(name, {
      kind: "resumable",
      progress,
      fill: async (into) => {
        await this.#linkOrSaveWeights(into, progress.step);
        await saveOptimizerState(into, optimizer);
      },
    });
    this.#lastName = name;
    this.#lastSeconds = this.#options.clock.monotonicSeconds();
    const last = path.relative(trialDirectory, directory);
    await pruneCheckpoints({
      trialDirectory,
      attempt,
      keep: { last, best: progress.best?.path ?? null },
    });
  }

  /** An epoch whose validation is pending is a state of its own at the same step. */
  #resumableName({ step, step_in_epoch }: TrainingProgress): string {
    const pending = step_in_epoch === this.#options.stepsPerEpoch;
    return pending ? `step-${step}-unvalidated` : `step-${step}`;
  }

  async #write(
    name: string,
    content: {
      kind: CheckpointManifest["kind"];
      progress: TrainingProgress;
      fill: (directory: string) => Promise<void>;
    },
  ): Promise<string> {
    const { trial, attempt, engine, clock, log, trialDirectory } = this.#options;
    assertCurrent(trialDirectory, attempt);
    const { kind, progress, fill } = content;
    const began = clock.monotonicSeconds();
    const manifest = { trial, attempt, engine, kind, ...progress };
    const { directory, bytes } = await writeCheckpoint({
      parent: this.#parent,
      name,
      manifest,
      fill,
    });
    log.write({
      type: "checkpoint",
      epoch: progress.epoch,
      step: progress.step,
      path: path.relative(trialDirectory, directory),
      bytes,
      seconds: clock.monotonicSeconds() - began,
    });
    return directory;
  }

  async #linkOrSaveWeights(into: string, step: number): Promise<void> {
    const same = this.#sameWeights;
    if (same === null || same.step !== step) {
      await this.#options.saveWeights(into);
      return;
    }
    for (const name of same.names) {
      const source = path.join(same.directory, name);
      // Some file systems know no hard links.
      await link(source, path.join(into, name)).catch(() =>
        copyFile(source, path.join(into, name)),
      );
    }
  }
}
