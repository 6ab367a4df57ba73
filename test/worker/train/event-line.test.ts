import { describe, expect, it } from "vitest";
import type { TrialEvent } from "../../../worker/contract/trial-event.ts";
import { eventLine, exitLine } from "../../../worker/train/event-line.ts";

const time = "2026-11-24T01:02:03.456Z";
const engine = {
  engine: "native",
  tensorflow: "2.18.0",
  device: "cpu",
  library: "/tf",
  threads: 2,
} as const;
const started = {
  type: "started",
  time,
  engine,
  epochs: 2,
  steps: 6,
  images: { train: 5, val: 20 },
} as const;

describe("eventLine", () => {
  it.each<[TrialEvent, string | null]>([
    [
      { ...started, resumed_from: null, step: 0 },
      "started: 2 epochs, 6 steps, 5 train images, 20 val images; engine native on cpu, 2 threads",
    ],
    [
      { ...started, resumed_from: "attempts/1/checkpoints/step-4", step: 4 },
      "resumed at step 4 from attempts/1/checkpoints/step-4: 2 epochs, 6 steps, " +
        "5 train images, 20 val images; engine native on cpu, 2 threads",
    ],
    [
      {
        type: "validated",
        time,
        epoch: 1,
        step: 6,
        loss: 2.5,
        metrics: { cider: 0.5 },
        images: 20,
      },
      "epoch 2: CIDEr-D 0.5000 on 20 images, mean training loss 2.5000",
    ],
    [
      { type: "checkpoint", time, epoch: 0, step: 3, path: "p", bytes: 9, seconds: 0.26 },
      "checkpoint p: 9 bytes in 0.3 s",
    ],
    [
      { type: "checkpoint-refused", time, path: "p", problem: "weights is damaged" },
      "refused checkpoint p: weights is damaged",
    ],
    [{ type: "image-skipped", time, file: "f", problem: "empty" }, "skipped image f: empty"],
    [{ type: "step", time, epoch: 0, step: 1, loss: 1, lr: 1, step_seconds: 1 }, null],
    [{ type: "validating", time, epoch: 0, step: 1, done: 0, images: 1 }, null],
  ])("describes %j", (event, text) => {
    expect(eventLine(event)).toBe(text === null ? null : `2026-11-24 01:02:03Z  ${text}`);
  });
});

describe("exitLine", () => {
  it.each([
    [{ version: 1, outcome: "finished", step: 6 }, "finished after 6 steps"],
    [
      { version: 1, outcome: "handed-back", step: 4, why: "walltime" },
      "handed back at step 4 (walltime)",
    ],
    [
      { version: 1, outcome: "superseded", step: 4 },
      "stopped at step 4: another attempt has taken over",
    ],
    [
      {
        version: 1,
        outcome: "failed",
        step: 1,
        failure: { reason: "nan-loss", message: "why", retryable: false },
      },
      "failed at step 1: nan-loss: why",
    ],
  ] as const)("describes %j", (exit, line) => {
    expect(exitLine(exit)).toBe(line);
  });
});
