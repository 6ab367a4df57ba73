import { expect, it } from "vitest";
import type { TrainSettings } from "../../../worker/contract/trial-spec.ts";
import { learningRate } from "../../../worker/train/lr-schedule.ts";

const lr = 0.1;

it.each<[TrainSettings["schedule"], number, number]>([
  ["constant", 1, 0.1],
  ["constant", 8, 0.1],
  ["linear", 1, 0.1],
  ["linear", 5, 0.05],
  ["linear", 8, 0.0125],
  ["cosine", 1, 0.1],
  ["cosine", 3, 0.1 * 0.5 * (1 + Math.SQRT1_2)],
  ["cosine", 5, 0.05],
])("%s, step %d of 8: %d", (schedule, step, expected) => {
  expect(learningRate({ lr, schedule }, step, 8)).toBeCloseTo(expected, 12);
});

it.each<TrainSettings["schedule"]>(["linear", "cosine"])(
  "%s still learns in its last step",
  (schedule) => {
    expect(learningRate({ lr, schedule }, 100, 100)).toBeGreaterThan(0);
  },
);
