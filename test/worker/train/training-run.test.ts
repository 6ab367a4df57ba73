import { mkdir, mkdtemp, readdir, readFile, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import path from "node:path";
import * as tf from "@tensorflow/tfjs-core";
import { afterEach, beforeEach, describe, expect, it } from "vitest";
import { TrialEvent } from "../../../worker/contract/trial-event.ts";
import type { TrainSettings } from "../../../worker/contract/trial-spec.ts";
import { attemptPaths } from "../../../worker/files/trial-directory.ts";
import type { Trainable } from "../../../worker/model/trainable.ts";
import { loadEngine } from "../../../worker/tensor/backend.ts";
import { initAdamW } from "../../../worker/train/adamw.ts";
import { CheckpointKeeper } from "../../../worker/train/checkpoint-keeper.ts";
import { EventLog } from "../../../worker/train/event-log.ts";
import { openLearner } from "../../../worker/train/learner.ts";
import { TrainingRun } from "../../../worker/train/training-run.ts";

let trialDirectory: string;

beforeEach(async () => {
  await loadEngine({ engine: "cpu" });
  trialDirectory = await mkdtemp(path.join(tmpdir(), "qsweep-run-"));
});

afterEach(async () => {
  await rm(trialDirectory, { recursive: true });
});

/** Two steps an epoch: three images of one caption each, two a batch. */
const STEPS_PER_EPOCH = 2;
const settings: TrainSettings = {
  accumulate: 1,
  epochs: 4,
  batch_size: 2,
  captions: "all",
  max_length: 8,
  labels: "pads_counted",
  lr: 0.1,
  optimizer: { name: "adamw", betas: [0.9, 0.999], eps: 1e-8, weight_decay: 0 },
  schedule: "constant",
  precision: "float32",
};
const clock = { monotonicSeconds: () => 0, now: () => new Date(0) };

/** One weight, whose loss is its square. */
class Parabola implements Trainable {
  parameters: Trainable["parameters"] = { weight: tf.scalar(3) };
  loss(parameters: Trainable["parameters"]): tf.Scalar {
    return tf.sum<tf.Scalar>(tf.square(parameters["weight"]!));
  }
  replaceParameters(next: Trainable["parameters"]): void {
    tf.dispose(this.parameters);
    this.parameters = next;
  }
  generate(): Promise<number[][]> {
    return Promise.reject(new Error("not asked for"));
  }
  async save(directory: string): Promise<string[]> {
    await writeFile(path.join(directory, "weight"), String(this.parameters["weight"]!.dataSync()));
    return ["weight"];
  }
  dispose(): void {
    tf.dispose(this.parameters);
  }
}

/** Runs all epochs; validations give these scores in turn. */
async function runWithScores(scores: number[]): Promise<TrainingRun> {
  const paths = attemptPaths(trialDirectory, 1);
  await mkdir(paths.directory, { recursive: true });
  const log = new EventLog({ file: paths.events, clock, emit: () => {} });
  const trainable = new Parabola();
  const keeper = new CheckpointKeeper({
    trialDirectory,
    trial: "t0123456789ab",
    attempt: 1,
    engine: { engine: "cpu", tensorflow: null, device: "cpu", library: null, threads: 1 },
    everySeconds: 1e9,
    stepsPerEpoch: STEPS_PER_EPOCH,
    clock,
    log,
    saveWeights: (directory) => trainable.save(directory),
  });
  const state = initAdamW(trainable.parameters);
  const remaining = [...scores];
  const run = new TrainingRun({
    settings,
    validate: { every_epochs: 1, images: "all" },
    seed: 0,
    learner: openLearner({ trainable, state, settings: settings.optimizer }),
    captionCounts: [1, 1, 1],
    makeBatch: () =>
      Promise.resolve({
        pixelValues: tf.tensor4d([0, 0, 0], [1, 1, 1, 3]),
        inputIds: tf.tensor2d([[0]]),
        attentionMask: tf.tensor2d([[0]]),
        labels: tf.tensor2d([[0]]),
      }),
    prefetch: () => {},
    evaluate: () => {
      const cider = remaining.shift()!;
      return Promise.resolve({ cider, predictions: [{ image_id: 1, caption: String(cider) }] });
    },
    keeper,
    control: { requested: () => null },
    clock,
    log,
    progress: { step: 0, epoch: 0, step_in_epoch: 0, loss_sum: 0, epochs: [], best: null },
    reached: () => {},
  });
  await run.run();
  log.close();
  return run;
}

describe("TrainingRun", () => {
  it.each([
    ["a later epoch that is better", [0.1, 0.3, 0.2, 0.25], { epoch: 1, step: 4 }],
    ["the earlier of two equal epochs", [0.1, 0.3, 0.3, 0.2], { epoch: 1, step: 4 }],
    ["the first epoch when none gets better", [0.5, 0.4, 0.3, 0.2], { epoch: 0, step: 2 }],
    ["the first epoch when all are worthless", [0, 0, 0, 0], { epoch: 0, step: 2 }],
    ["the last epoch", [0.1, 0.2, 0.3, 0.4], { epoch: 3, step: 8 }],
  ])("keeps the weights and captions of %s", async (_, scores, expected) => {
    const { best, epochs } = (await runWithScores(scores)).progress;
    expect(best).toMatchObject(expected);
    expect(epochs.map(({ metrics }) => metrics!.cider)).toEqual(scores);
    const { checkpoints } = attemptPaths(trialDirectory, 1);
    const names = (await readdir(checkpoints)).toSorted();
    expect(names).toEqual([`best-step-${expected.step}`, "step-8"]);
    const predictions = path.join(trialDirectory, best!.path, "predictions.json");
    const cider = scores[expected.epoch]!;
    expect(JSON.parse(await readFile(predictions, "utf8"))).toEqual([
      { image_id: 1, caption: String(cider) },
    ]);
  });

  it("gives the mean of an epoch's losses as its loss", async () => {
    const { epochs } = (await runWithScores([1, 2, 3, 4])).progress;
    const text = await readFile(attemptPaths(trialDirectory, 1).events, "utf8");
    const events = text
      .trimEnd()
      .split("\n")
      .map((line) => TrialEvent.parse(JSON.parse(line)));
    // The clock stands still: the first step has an event, and the last of each epoch.
    const [first, second] = events.flatMap((event) => (event.type === "step" ? [event.loss] : []));
    expect(first).toBe(9);
    expect(epochs[0]!.loss).toBe((first! + second!) / STEPS_PER_EPOCH);
  });
});
