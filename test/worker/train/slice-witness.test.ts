import { describe, expect, it } from "vitest";
import type { TrialEvent } from "../../../worker/contract/trial-event.ts";
import { SliceWitness } from "../../../worker/train/slice-witness.ts";

const time = "2026-11-24T10:00:00.000Z";
const engine = {
  engine: "cpu",
  tensorflow: null,
  device: "cpu",
  library: null,
  threads: 1,
} as const;
const started: TrialEvent = {
  type: "started",
  time,
  engine,
  epochs: 1,
  steps: 9,
  images: {},
  resumed_from: null,
  step: 0,
};
const checkpoint: TrialEvent = {
  type: "checkpoint",
  time,
  epoch: 0,
  step: 1,
  path: "c",
  bytes: 1,
  seconds: 1,
};

function validating(done: number): TrialEvent {
  return { type: "validating", time, epoch: 0, step: 9, done, images: 100 };
}

/** Half an hour: 60 s of set-up, 1440 s for the attempt, 300 s of margin. */
const SPAN = { walltime_seconds: 1800, elapsed_seconds: 60, margin_seconds: 300 };

/** The verdict on an attempt stopped at its margin, with these events at these seconds. */
function verdict(events: readonly (readonly [number, TrialEvent])[]) {
  let seconds = 5000;
  const clock = { monotonicSeconds: () => seconds, now: () => new Date(0) };
  const witness = new SliceWitness(SPAN, clock);
  for (const [at, event] of events) {
    seconds = 5000 + at;
    witness.see(event);
  }
  seconds = 5000 + 1440;
  return witness.judge();
}

describe("a slice of half an hour", () => {
  it("was long enough when a checkpoint was completed in it", () => {
    expect(
      verdict([
        [200, started],
        [1439, checkpoint],
      ]),
    ).toBeNull();
  });

  // Set-up + 1.25 × (start-up + work) + margin, in whole minutes.
  it.each([
    ["the start-up did not end", [], "start-up over 1440 s", 60 + 1.25 * 2880 + 300, "1:06:00"],
    [
      "the first step did not end",
      [[200, started]],
      "start-up 200 s, first step over 1240 s",
      60 + 1.25 * (200 + 2480) + 300,
      "1:02:00",
    ],
    [
      "a validation got to 60 images of 100",
      [
        [200, started],
        [240, validating(0)],
        [1440, validating(60)],
      ],
      "start-up 200 s, 60 of 100 images validated in over 1240 s",
      60 + 1.25 * (200 + 40 + 2000) + 300,
      "0:53:00",
    ],
    [
      "no batch of a validation ended",
      [
        [200, started],
        [240, validating(0)],
      ],
      "start-up 200 s, 0 of 100 images validated in over 1240 s",
      60 + 1.25 * (200 + 2480) + 300,
      "1:02:00",
    ],
  ] as const)("was too short when %s", (_, events, seen, seconds, text) => {
    const [hours = 0, minutes = 0] = text.split(":").map(Number);
    expect(Math.ceil(seconds / 60)).toBe(hours * 60 + minutes);
    expect(verdict(events)).toEqual({
      reason: "slice-too-short",
      message:
        "a walltime of 0:30:00 is too short for a first checkpoint " +
        `(set-up 60 s, ${seen}, margin 300 s); ask for ${text} or more`,
      retryable: false,
    });
  });
});
