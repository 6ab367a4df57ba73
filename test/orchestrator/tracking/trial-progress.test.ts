import { expect, it } from "vitest";
import {
  noProgress,
  progressOfEvents,
  progressOfLive,
  type TrialProgress,
} from "../../../orchestrator/tracking/trial-progress.ts";
import { live } from "../../rig/launched-sweep.ts";

const time = "2026-11-24T10:00:00.000Z";
const step = (epoch: number, number: number, loss: number) =>
  JSON.stringify({ type: "step", time, epoch, step: number, loss, lr: 1e-3, step_seconds: 0.5 });
const validated = (epoch: number, number: number, cider: number) =>
  JSON.stringify({
    type: "validated",
    time,
    epoch,
    step: number,
    loss: 3,
    metrics: { cider },
    images: 4,
  });

const check = (title: string, lines: string[], expected: Partial<TrialProgress>) => {
  it(`reads from events: ${title}`, () => {
    const progress = progressOfEvents(lines.join("\n"), 2);
    expect(progress).toEqual({ ...noProgress(2), ...expected });
  });
};

check("nothing from nothing", [""], {});
check("the last step, its epoch counted from 1", [step(0, 1, 5), step(1, 12, 4)], {
  epoch: 2,
  step: 12,
  loss: 4,
});
check("the best score, not the last", [validated(0, 10, 0.5), validated(1, 20, 0.25)], {
  epoch: 2,
  step: 20,
  loss: 3,
  cider: 0.5,
});
check(
  "past a first line cut off and a torn last one",
  [step(0, 9, 5).slice(30), step(0, 10, 4.5), step(0, 11, 4).slice(0, 40)],
  { epoch: 1, step: 10, loss: 4.5 },
);
check("past a line that is no event", ['{"type":"party"}', "null", step(0, 2, 1)], {
  epoch: 1,
  step: 2,
  loss: 1,
});

it("counts epochs from 1 and never beyond the last", () => {
  expect(progressOfLive(live({ epoch: 0 }), 2).epoch).toBe(1);
  expect(progressOfLive(live({ epoch: 1, phase: "validating" }), 2).epoch).toBe(2);
  expect(progressOfLive(live({ epoch: 0, epochs: 0 }), 0).epoch).toBe(0);
});
