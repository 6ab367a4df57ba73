import { type ChildProcess, fork } from "node:child_process";
import { once } from "node:events";
import { existsSync } from "node:fs";
import { writeFile } from "node:fs/promises";
import path from "node:path";
import { afterAll, beforeAll, describe, expect, it, onTestFinished } from "vitest";
import { TrialEvent } from "../../worker/contract/trial-event.ts";
import type { TrialSpec } from "../../worker/contract/trial-spec.ts";
import { trainerEnvironment } from "../../worker/engine/engine-state.ts";
import { attemptPaths } from "../../worker/files/trial-directory.ts";
import {
  endOf,
  makeTinySetting,
  newTrialDirectory,
  readEvents,
  readExit,
  tinySpec,
  type TinySetting,
} from "./train/tiny-trial.ts";

/** Made by the build that `npm test` begins with. */
const TRAINER = path.resolve("dist/worker/trainer.js");

let setting: TinySetting;

beforeAll(async () => {
  setting = await makeTinySetting();
});

afterAll(async () => {
  await setting.dispose();
});

interface Trainer {
  child: ChildProcess;
  /** Exit code and signal. */
  ended: Promise<readonly [number | null, NodeJS.Signals | null]>;
  output: () => string;
}

function start(
  trialDirectory: string,
  attempt: number,
  onEvent: (event: TrialEvent, child: ChildProcess) => void,
  options: readonly string[] = [],
): Trainer {
  const child = fork(TRAINER, [...options, trialDirectory, String(attempt)], {
    env: { ...process.env, ...trainerEnvironment({ threads: 1 }) },
    execArgv: [],
    stdio: ["ignore", "pipe", "pipe", "ipc"],
  });
  onTestFinished(() => {
    child.kill("SIGKILL");
  });
  let output = "";
  const collect = (chunk: Buffer): void => {
    output += chunk.toString();
  };
  child.stdout!.on("data", collect);
  child.stderr!.on("data", collect);
  child.on("message", (message: { type: string; event: unknown }) => {
    if (message.type === "event") onEvent(TrialEvent.parse(message.event), child);
  });
  // A child that is disconnected from never emits "close".
  const ended = Promise.all([
    once(child, "exit"),
    once(child.stdout!, "end"),
    once(child.stderr!, "end"),
  ]).then(() => [child.exitCode, child.signalCode] as const);
  return { child, ended, output: () => output };
}

async function newTrial(spec: TrialSpec): Promise<string> {
  const trialDirectory = await newTrialDirectory(setting);
  await writeFile(path.join(trialDirectory, "spec.json"), JSON.stringify(spec));
  return trialDirectory;
}

describe("the trainer process", () => {
  it("killed after a checkpoint leaves a trial that ends bit for bit the same", async () => {
    const spec = await tinySpec(setting, "full", { train: { epochs: 4 } });
    const whole = await newTrial(spec);
    const run = start(whole, 1, () => {});
    expect(await run.ended).toEqual([0, null]);

    const trialDirectory = await newTrial(spec);
    const killed = start(trialDirectory, 1, (event, child) => {
      if (event.type === "checkpoint" && path.basename(event.path) === "step-3") {
        child.kill("SIGKILL");
      }
    });
    expect(await killed.ended).toEqual([null, "SIGKILL"]);
    expect(existsSync(attemptPaths(trialDirectory, 1).exit)).toBe(false);

    const second = start(trialDirectory, 2, () => {});
    expect(await second.ended).toEqual([0, null]);
    const [started] = await readEvents(trialDirectory, 2);
    expect(started).toMatchObject({ type: "started" });
    expect(started).not.toMatchObject({ step: 0 });
    const [{ losses: resumedLosses, ...resumed }, { losses, ...expected }] = await Promise.all([
      endOf(trialDirectory, [1, 2]),
      endOf(whole, [1]),
    ]);
    expect(resumed).toEqual(expected);
    expect(losses).toMatchObject({ 12: resumedLosses[12] });
  });

  it.each([
    ["SIGUSR2", (child: ChildProcess) => child.kill("SIGUSR2"), "shutdown"],
    ["SIGTERM", (child: ChildProcess) => child.kill("SIGTERM"), "shutdown"],
    ["SIGINT", (child: ChildProcess) => child.kill("SIGINT"), "shutdown"],
    [
      "a message of its pilot",
      (child: ChildProcess) => child.send({ type: "stop", why: "walltime" }),
      "walltime",
    ],
    ["the loss of its pilot", (child: ChildProcess) => child.disconnect(), "pilot-lost"],
  ] as const)("checkpoints and hands back on %s", async (_, ask, why) => {
    const spec = await tinySpec(setting, "lora", { train: { epochs: 1000 } });
    const trialDirectory = await newTrial(spec);
    const { ended, output } = start(trialDirectory, 1, (event, child) => {
      if (event.type === "step" && event.step === 1) ask(child);
    });
    expect(await ended).toEqual([0, null]);
    const exit = await readExit(trialDirectory, 1);
    expect(exit).toMatchObject({ outcome: "handed-back", why });
    const { checkpoints } = attemptPaths(trialDirectory, 1);
    const { step } = exit;
    const names = [`step-${step}`, `step-${step}-unvalidated`];
    expect(names.some((name) => existsSync(path.join(checkpoints, name, "manifest.json")))).toBe(
      true,
    );
    expect(output()).toContain(`handed back at step ${step} (${why})`);
    expect(output()).not.toContain("Debugger listening");
  });

  it("checkpoints on SIGUSR1, sent twice, and goes on", async () => {
    const train = { epochs: 1, batch_size: 1 };
    const trialDirectory = await newTrial(await tinySpec(setting, "lora", { train }));
    const steps: number[] = [];
    const { ended, output } = start(trialDirectory, 1, (event, child) => {
      if (event.type === "started") for (const _ of "12") child.kill("SIGUSR1");
      if (event.type === "checkpoint") steps.push(event.step);
    });
    expect(await ended).toEqual([0, null]);
    // Without being asked it writes one after its seventh and last step.
    expect(await readExit(trialDirectory, 1)).toMatchObject({ outcome: "finished", step: 7 });
    expect(steps[0]).toBeLessThan(7);
    expect(output()).not.toContain("Debugger listening");
  });

  it("fails where a slice of its own did not bring it to a checkpoint", async () => {
    const spec = await tinySpec(setting, "untuned");
    const trialDirectory = await newTrial(spec);
    const span = { walltime_seconds: 600, elapsed_seconds: 30, margin_seconds: 60 };
    const { ended } = start(
      trialDirectory,
      1,
      (event, child) => {
        if (event.type === "started") child.send({ type: "stop", why: "walltime" });
      },
      ["--slice", JSON.stringify(span)],
    );
    expect(await ended).toEqual([0, null]);
    expect(await readExit(trialDirectory, 1)).toMatchObject({
      outcome: "failed",
      failure: {
        reason: "slice-too-short",
        message: expect.stringContaining("a walltime of 0:10:00 is too short"),
        retryable: false,
      },
    });
  });

  it("does not judge a slice in which it completed a checkpoint", async () => {
    const spec = await tinySpec(setting, "lora", { train: { epochs: 1000 } });
    const trialDirectory = await newTrial(spec);
    const span = { walltime_seconds: 600, elapsed_seconds: 30, margin_seconds: 60 };
    const { ended } = start(
      trialDirectory,
      1,
      (event, child) => {
        if (event.type === "step") child.send({ type: "stop", why: "walltime" });
      },
      ["--slice", JSON.stringify(span)],
    );
    expect(await ended).toEqual([0, null]);
    const exit = { outcome: "handed-back", why: "walltime" };
    expect(await readExit(trialDirectory, 1)).toMatchObject(exit);
  });

  it("given a GPU does not train on the CPU", async () => {
    const trialDirectory = await newTrial(await tinySpec(setting, "lora"));
    const { ended } = start(trialDirectory, 1, () => {}, ["--gpu"]);
    expect(await ended).toEqual([0, null]);
    expect(await readExit(trialDirectory, 1)).toMatchObject({
      outcome: "failed",
      failure: { reason: "gpu-unknown", message: expect.stringContaining("runs on the CPU") },
    });
  });

  it("finishes with exit 0 and a named failure", async () => {
    const spec = await tinySpec(setting, "lora", { train: { lr: 1e30 } });
    const trialDirectory = await newTrial(spec);
    const { ended, output } = start(trialDirectory, 1, () => {});
    expect(await ended).toEqual([0, null]);
    expect(await readExit(trialDirectory, 1)).toMatchObject({ failure: { reason: "nan-loss" } });
    expect(output()).toContain("failed at step 1: nan-loss");
  });

  it("tells an unusable call by its exit code", async () => {
    const { ended, output } = start(setting.root, 0, () => {});
    expect(await ended).toEqual([1, null]);
    expect(output()).toContain("usage: trainer [OPTION…] TRIAL-DIRECTORY ATTEMPT");
  });
});
