import { describe, expect, it } from "vitest";
import type { TrialEvent } from "../../../worker/contract/trial-event.ts";
import { Slice, type SliceLimits } from "../../../worker/pilot/slice.ts";
import { FakeClock } from "./fake-clock.ts";

const LIMITS: SliceLimits = { walltimeSeconds: 1000, elapsedSeconds: 20, marginSeconds: 100 };
const time = "2026-11-24T10:00:00.000Z";

function checkpoint(seconds: number): TrialEvent {
  return { type: "checkpoint", time, epoch: 0, step: 1, path: "c", bytes: 1, seconds };
}

function step(stepSeconds: number): TrialEvent {
  return { type: "step", time, epoch: 0, step: 1, loss: 1, lr: 1, step_seconds: stepSeconds };
}

describe("a slice", () => {
  it("is over when the margin begins, counted from the start of the grid job", () => {
    const clock = new FakeClock(5);
    const slice = new Slice(LIMITS, clock);
    expect(slice.secondsLeft).toBe(1000 - 20 - 100 - 5);
    clock.advance(874);
    expect(slice.over.aborted).toBe(false);
    clock.advance(1);
    expect(slice.over.aborted).toBe(true);
  });

  it("without a walltime never ends", () => {
    const clock = new FakeClock();
    const slice = new Slice(null, clock);
    clock.advance(1e9);
    slice.watchAttempt()(checkpoint(1e9));
    expect(slice.over.aborted).toBe(false);
    expect(slice.hasRoom).toBe(true);
    expect(slice.wholeSpan()).toBeNull();
  });

  it("may last for longer than any timer of Node's", () => {
    const clock = new FakeClock();
    const slice = new Slice({ ...LIMITS, walltimeSeconds: 3_000_120 }, clock);
    clock.advance(2_999_999);
    expect(slice.over.aborted).toBe(false);
    clock.advance(1);
    expect(slice.over.aborted).toBe(true);
  });

  it.each([
    ["keeps its margin for checkpoints of less than half of it", [checkpoint(50)], 880],
    ["leaves twice the longest checkpoint", [checkpoint(200), checkpoint(30)], 980 - 400],
    ["leaves a step besides", [step(7), step(60), checkpoint(200)], 980 - 460],
  ])("%s", (_, events, left) => {
    const slice = new Slice(LIMITS, new FakeClock());
    const watch = slice.watchAttempt();
    for (const event of events) watch(event);
    expect(slice.secondsLeft).toBe(left);
  });

  it("ends earlier as soon as a checkpoint shows that its margin was too small", () => {
    const clock = new FakeClock();
    const slice = new Slice(LIMITS, clock);
    clock.advance(600);
    slice.watchAttempt()(checkpoint(200));
    expect(slice.over.aborted).toBe(true);
  });

  it("has room for another trial as long as it would get to its first step", () => {
    const clock = new FakeClock();
    const slice = new Slice(LIMITS, clock);
    const watch = slice.watchAttempt();
    clock.advance(300);
    watch(step(1));
    clock.advance(279);
    watch(step(1));
    expect(slice.secondsLeft).toBe(301);
    expect(slice.hasRoom).toBe(true);
    clock.advance(1);
    expect(slice.hasRoom).toBe(false);
    expect(slice.over.aborted).toBe(false);
  });

  it("has room, however little is left, where no start was seen", () => {
    const clock = new FakeClock();
    const slice = new Slice(LIMITS, clock);
    clock.advance(879);
    expect(slice.hasRoom).toBe(true);
  });

  it("belongs whole to an attempt claimed at its begin", () => {
    const clock = new FakeClock(5);
    const slice = new Slice(LIMITS, clock);
    clock.advance(80);
    const span = { walltime_seconds: 1000, elapsed_seconds: 105, margin_seconds: 100 };
    expect(slice.wholeSpan()).toEqual(span);
    clock.advance(8);
    expect(slice.wholeSpan()).toBeNull();
  });

  it.each([
    ["a margin as long as the walltime", { ...LIMITS, marginSeconds: 980 }],
    ["a set-up that took all of it", { ...LIMITS, elapsedSeconds: 900 }],
  ])("is refused with %s", (_, limits) => {
    expect(() => new Slice(limits, new FakeClock())).toThrow(/a walltime of 1000 s leaves no time/);
  });
});
