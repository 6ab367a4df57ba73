import { mkdtemp, readFile, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import path from "node:path";
import { afterEach, beforeEach, describe, expect, it } from "vitest";
import type { TrialEvent } from "../../../worker/contract/trial-event.ts";
import { EventLog } from "../../../worker/train/event-log.ts";

let directory: string;

beforeEach(async () => {
  directory = await mkdtemp(path.join(tmpdir(), "qsweep-events-"));
});

afterEach(async () => {
  await rm(directory, { recursive: true });
});

function openLog(seconds: { now: number }, emitted: TrialEvent[] = []): EventLog {
  return new EventLog({
    file: path.join(directory, "events.jsonl"),
    clock: { monotonicSeconds: () => seconds.now, now: () => new Date(0) },
    emit: (event) => emitted.push(event),
  });
}

const step = (number: number) =>
  ({ type: "step", epoch: 0, step: number, loss: 1, lr: 1, step_seconds: 1 }) as const;
const writtenSteps = async () =>
  [...(await readFile(path.join(directory, "events.jsonl"), "utf8")).matchAll(/"step":(\d+)/g)].map(
    ([, number]) => Number(number),
  );

describe("EventLog", () => {
  it("writes each event as a line, and passes on what it wrote", async () => {
    const emitted: TrialEvent[] = [];
    const log = openLog({ now: 0 }, emitted);
    log.write({ type: "image-skipped", file: "a\nb.png", problem: "é" });
    log.close();
    const text = await readFile(path.join(directory, "events.jsonl"), "utf8");
    const expected = {
      type: "image-skipped",
      file: "a\nb.png",
      problem: "é",
      time: "1970-01-01T00:00:00.000Z",
    };
    expect(text.split("\n")).toEqual([JSON.stringify(expected), ""]);
    expect(emitted).toEqual([expected]);
  });

  it("writes steps at most once a second, the first at once, and those that must be", async () => {
    const clock = { now: 100 };
    const log = openLog(clock);
    log.writeStep(step(1), { always: false });
    clock.now = 100.9;
    log.writeStep(step(2), { always: false });
    log.writeStep(step(3), { always: true });
    clock.now = 101.8;
    log.writeStep(step(4), { always: false });
    clock.now = 101.9;
    log.writeStep(step(5), { always: false });
    log.close();
    expect(await writtenSteps()).toEqual([1, 3, 5]);
  });

  it("names a full disk", () => {
    const log = new EventLog({
      file: "/dev/full",
      clock: { monotonicSeconds: () => 0, now: () => new Date(0) },
      emit: () => {},
    });
    expect(() => log.write({ type: "image-skipped", file: "a", problem: "b" })).toThrow(
      expect.objectContaining({ reason: "disk-full" }),
    );
    log.close();
  });
});
