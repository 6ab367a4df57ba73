import { writeFileSync } from "node:fs";
import { cp, mkdir, readdir, rm, writeFile } from "node:fs/promises";
import path from "node:path";
import * as tf from "@tensorflow/tfjs-core";
import { afterAll, beforeAll, describe, expect, it, vi } from "vitest";
import { Failure } from "../../../worker/contract/failure.ts";
import type { TrialEvent } from "../../../worker/contract/trial-event.ts";
import type { TrialSpec } from "../../../worker/contract/trial-spec.ts";
import { attemptPaths } from "../../../worker/files/trial-directory.ts";
import { BlipCaptioner } from "../../../worker/model/blip-captioner.ts";
import { runAttempt } from "../../../worker/train/run-trial.ts";
import {
  endOf,
  makeTinySetting,
  manifestOf,
  newTrialDirectory,
  readEvents,
  readExit,
  readResult,
  runTinyAttempt,
  tinySpec,
  type TinySetting,
} from "./tiny-trial.ts";

let setting: TinySetting;

beforeAll(async () => {
  setting = await makeTinySetting();
});

afterAll(async () => {
  await setting.dispose();
});

const checkpointNames = async (trialDirectory: string, attempt: number) =>
  (await readdir(attemptPaths(trialDirectory, attempt).checkpoints)).toSorted();
const stopAfterStep = (step: number) => (event: TrialEvent) =>
  event.type === "step" && event.step === step ? "stop" : null;

describe("a finished attempt", () => {
  let spec: TrialSpec;
  let trialDirectory: string;
  const tensors: number[] = [];

  beforeAll(async () => {
    spec = await tinySpec(setting, "full", { train: { epochs: 3, lr: 3e-3 } });
    trialDirectory = await newTrialDirectory(setting);
    await runTinyAttempt(spec, {
      trialDirectory,
      attempt: 1,
      onEvent: ({ type }) => {
        if (type === "step") tensors.push(tf.memory().numTensors);
      },
    });
  });

  it("leaves exit.json, and a result that names the best of its epochs", async () => {
    expect(await readExit(trialDirectory, 1)).toMatchObject({ outcome: "finished", step: 9 });
    const result = await readResult(trialDirectory, 1);
    expect(result.epochs.map(({ epoch, step }) => [epoch, step])).toEqual([
      [0, 3],
      [1, 6],
      [2, 9],
    ]);
    const scores = result.epochs.map(({ metrics }) => metrics!.cider);
    expect(result.metrics.cider).toBe(Math.max(...scores));
    expect(result.best.epoch).toBe(scores.indexOf(result.metrics.cider));
    expect(result.images).toEqual({ train: 5, val: 20 });
  });

  it("keeps the best weights and the last resumable checkpoint", async () => {
    const { best } = await readResult(trialDirectory, 1);
    expect(await checkpointNames(trialDirectory, 1)).toEqual([`best-step-${best.step}`, "step-9"]);
    const manifest = await manifestOf(trialDirectory, 1, `best-step-${best.step}`);
    expect(manifest.kind).toBe("weights");
    expect(Object.keys(manifest.files)).not.toContain("trainer.safetensors");
  });

  it("leaves best weights that are a complete model, with the score the result gives", async () => {
    const { best, metrics } = await readResult(trialDirectory, 1);
    const model = path.join(trialDirectory, best.checkpoint!);
    const untuned = await tinySpec(setting, "untuned", { model });
    const elsewhere = await newTrialDirectory(setting);
    await runTinyAttempt(untuned, { trialDirectory: elsewhere, attempt: 1 });
    const result = await readResult(elsewhere, 1);
    expect(result.metrics).toEqual(metrics);
    expect(result.best).toEqual({ epoch: 0, step: 0, checkpoint: null });
  });

  it("logs events in order: started, steps, validation, checkpoint", async () => {
    const types = (await readEvents(trialDirectory, 1)).map(({ type }) => type);
    const firstEpoch = types.slice(0, types.indexOf("checkpoint") + 1);
    expect([...new Set(firstEpoch)]).toEqual([
      "started",
      "step",
      "validating",
      "validated",
      "checkpoint",
    ]);
  });

  it("holds no more tensors at the last step than at the second", () => {
    expect(tensors).toHaveLength(9);
    expect(new Set(tensors.slice(1))).toEqual(new Set([tensors[1]]));
  });

  it("trains: the mean loss of the last epoch is below that of the first", async () => {
    const { epochs } = await readResult(trialDirectory, 1);
    expect(epochs[2]!.loss).toBeLessThan(epochs[0]!.loss!);
  });
});

describe("memory", () => {
  it.each([
    ["finishes", 1e-3],
    ["fails", 1e30],
  ])("holds no tensors once an attempt %s", async (_, lr) => {
    const spec = await tinySpec(setting, "lora", { train: { lr } });
    const before = tf.memory().numTensors;
    const trialDirectory = await newTrialDirectory(setting);
    await runTinyAttempt(spec, { trialDirectory, attempt: 1 });
    expect(tf.memory().numTensors).toBe(before);
  });
});

describe("validation", () => {
  it("is done every so many epochs and after the last, on the first images by id", async () => {
    const validate = { every_epochs: 2, images: 7 };
    const spec = await tinySpec(setting, "lora", { train: { epochs: 3 }, validate });
    const trialDirectory = await newTrialDirectory(setting);
    await runTinyAttempt(spec, { trialDirectory, attempt: 1 });
    const { epochs, images } = await readResult(trialDirectory, 1);
    expect(epochs.map(({ metrics }) => metrics === null)).toEqual([true, false, false]);
    expect(images["val"]).toBe(7);
  });
});

describe("checkpoints", () => {
  it("are written when their time has come, also while a validation is under way", async () => {
    // The clock moves one second each time it is read, so one is due after every step.
    const spec = await tinySpec(setting, "lora", { checkpointEverySeconds: 1 });
    const trialDirectory = await newTrialDirectory(setting);
    await runTinyAttempt(spec, { trialDirectory, attempt: 1 });
    const events = await readEvents(trialDirectory, 1);
    const names = events.flatMap((event) =>
      event.type === "checkpoint" ? [path.basename(event.path)] : [],
    );
    expect(names.filter((name) => !name.startsWith("best"))).toEqual([
      "step-1",
      "step-2",
      "step-3-unvalidated",
      "step-3",
      "step-4",
      "step-5",
      "step-6-unvalidated",
      "step-6",
    ]);
  });

  it("that are damaged are refused by name, and an older one is continued from", async () => {
    const spec = await tinySpec(setting, "lora");
    const whole = await newTrialDirectory(setting);
    await runTinyAttempt(spec, { trialDirectory: whole, attempt: 1 });

    const trialDirectory = await newTrialDirectory(setting);
    const at = (attempt: number) => attemptPaths(trialDirectory, attempt).checkpoints;
    await runTinyAttempt(spec, { trialDirectory, attempt: 1, stopAfter: stopAfterStep(2) });
    const copy = path.join(trialDirectory, "copy");
    await cp(at(1), copy, { recursive: true });
    await runTinyAttempt(spec, { trialDirectory, attempt: 2, stopAfter: stopAfterStep(4) });
    expect(await checkpointNames(trialDirectory, 1)).toEqual([]);
    await cp(copy, at(1), { recursive: true });
    await writeFile(path.join(at(2), "step-4", "trainer.safetensors"), "torn");

    await runTinyAttempt(spec, { trialDirectory, attempt: 3 });
    const [refused, started] = await readEvents(trialDirectory, 3);
    expect(refused).toMatchObject({
      type: "checkpoint-refused",
      path: "attempts/2/checkpoints/step-4",
    });
    expect(started).toMatchObject({
      type: "started",
      step: 2,
      resumed_from: "attempts/1/checkpoints/step-2",
    });
    expect(await endOf(trialDirectory, [1, 3])).toEqual(await endOf(whole, [1]));
  });
});

describe("a disk that fills up while a checkpoint is written", () => {
  it("fails the attempt by that name, and the next one ends like one never stopped", async () => {
    const spec = await tinySpec(setting, "lora", { checkpointEverySeconds: 1 });
    const whole = await newTrialDirectory(setting);
    await runTinyAttempt(spec, { trialDirectory: whole, attempt: 1 });

    const trialDirectory = await newTrialDirectory(setting);
    const full = Object.assign(new Error("ENOSPC: no space left on device"), { code: "ENOSPC" });
    const save = vi.spyOn(BlipCaptioner.prototype, "save");
    const exit = await runTinyAttempt(spec, {
      trialDirectory,
      attempt: 1,
      onEvent: (event) => {
        if (event.type !== "checkpoint") return;
        save.mockImplementationOnce(async (directory) => {
          await writeFile(path.join(directory, "model.safetensors"), "the first part");
          throw full;
        });
      },
    });
    save.mockRestore();
    expect(exit).toMatchObject({ outcome: "failed", step: 2, failure: { reason: "disk-full" } });
    expect(await checkpointNames(trialDirectory, 1)).toEqual(["step-1"]);

    await runTinyAttempt(spec, { trialDirectory, attempt: 2 });
    expect(await endOf(trialDirectory, [1, 2])).toEqual(await endOf(whole, [1]));
  });
});

describe("a superseded attempt", () => {
  it.each(["claim", "message"] as const)("stops without writing further: %s", async (how) => {
    const spec = await tinySpec(setting, "lora", { checkpointEverySeconds: 1 });
    const trialDirectory = await newTrialDirectory(setting);
    const higherClaim = path.join(trialDirectory, "attempts", "2.claim");
    const exit = await runTinyAttempt(spec, {
      trialDirectory,
      attempt: 1,
      stopAfter: (event) => {
        if (event.type !== "checkpoint") return null;
        if (how === "message") return "superseded";
        writeFileSync(higherClaim, "{}");
        return null;
      },
    });
    expect(exit.outcome).toBe("superseded");
    expect(await checkpointNames(trialDirectory, 1)).toEqual(["step-1"]);
    const files = (await readdir(attemptPaths(trialDirectory, 1).directory)).toSorted();
    expect(files).toEqual(["checkpoints", "events.jsonl", "exit.json"]);
  });
});

const failureOf = async (spec: TrialSpec) => {
  const trialDirectory = await newTrialDirectory(setting);
  const exit = await runTinyAttempt(spec, { trialDirectory, attempt: 1 });
  expect(await readExit(trialDirectory, 1)).toEqual(exit);
  if (exit.outcome !== "failed") throw new Error(`the attempt ${exit.outcome}`);
  return { ...exit.failure, step: exit.step };
};

describe("an attempt that fails", () => {
  it.each(["full", "lora"] as const)("names a loss that is no number, %s", async (method) => {
    const spec = await tinySpec(setting, method, { train: { lr: 1e30, schedule: "constant" } });
    const failure = await failureOf(spec);
    expect(failure).toMatchObject({ reason: "nan-loss", retryable: false, step: 1 });
    expect(failure.message).toContain("at step 2 with learning rate 1e+30");
  });

  it("names missing data", async () => {
    const spec = await tinySpec(setting, "full");
    spec.paths.dataset = path.join(setting.root, "nowhere");
    expect(await failureOf(spec)).toMatchObject({ reason: "data-missing", retryable: false });
  });

  it("names captions that are not those of the sweep", async () => {
    const spec = await tinySpec(setting, "constant");
    spec.recipe.dataset.annotations["val"] = "0".repeat(64);
    expect(await failureOf(spec)).toMatchObject({ reason: "data-invalid", retryable: false });
  });

  it("names a model that is not that of the sweep", async () => {
    const spec = await tinySpec(setting, "untuned");
    if (spec.recipe.method === "untuned") spec.recipe.model.digest = "0".repeat(64);
    expect(await failureOf(spec)).toMatchObject({ reason: "model-invalid", retryable: false });
  });

  it("names more bad images than allowed, and logs each", async () => {
    const spec = await tinySpec(setting, "lora");
    const copy = path.join(setting.root, "bad-data");
    await cp(setting.dataset, copy, { recursive: true });
    await rm(path.join(copy, "train", "train_0.png"));
    await writeFile(path.join(copy, "train", "train_1.png"), "no picture");
    spec.paths.dataset = copy;
    expect(await failureOf(spec)).toMatchObject({ reason: "data-invalid", retryable: false });

    spec.settings.max_bad_images = 2;
    const trialDirectory = await newTrialDirectory(setting);
    await runTinyAttempt(spec, { trialDirectory, attempt: 1 });
    const { bad_images, images } = await readResult(trialDirectory, 1);
    expect({ bad_images, images }).toEqual({ bad_images: 2, images: { train: 3, val: 20 } });
    const skipped = (await readEvents(trialDirectory, 1)).filter(
      ({ type }) => type === "image-skipped",
    );
    expect(skipped).toHaveLength(2);
  });

  it("names an engine that does not load", async () => {
    const trialDirectory = await newTrialDirectory(setting);
    const exit = await runAttempt({
      spec: await tinySpec(setting, "full"),
      trialDirectory,
      attempt: 1,
      control: { requested: () => null },
      emit: () => {},
      engine: () =>
        Promise.reject(
          new Failure({ reason: "engine-missing", message: "no engine", remedy: "install it" }),
        ),
    });
    expect(exit).toMatchObject({ outcome: "failed", failure: { reason: "engine-missing" } });
  });
});

describe("an attempt that is asked to stop at once", () => {
  it("hands back without a checkpoint, and the trial can go on", async () => {
    const spec = await tinySpec(setting, "lora");
    const trialDirectory = await newTrialDirectory(setting);
    const exit = await runTinyAttempt(spec, {
      trialDirectory,
      attempt: 1,
      stopAfter: () => "shutdown",
    });
    expect(exit).toEqual({ version: 1, outcome: "handed-back", step: 0, why: "shutdown" });
    await mkdir(attemptPaths(trialDirectory, 2).directory, { recursive: true });
    const second = await runTinyAttempt(spec, { trialDirectory, attempt: 2 });
    expect(second.outcome).toBe("finished");
  });
});

describe("the constant baseline", () => {
  it("gives every image one training caption, and its score", async () => {
    const spec = await tinySpec(setting, "constant");
    const trialDirectory = await newTrialDirectory(setting);
    const exit = await runTinyAttempt(spec, { trialDirectory, attempt: 1 });
    expect(exit).toEqual({ version: 1, outcome: "finished", step: 0 });
    const result = await readResult(trialDirectory, 1);
    expect(result.caption).toMatch(/bar on/);
    expect(result.metrics.cider).toBeGreaterThan(0);
    expect(result.best.checkpoint).toBeNull();
  });
});
