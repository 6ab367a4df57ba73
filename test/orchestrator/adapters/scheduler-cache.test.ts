import {
  existsSync,
  mkdirSync,
  mkdtempSync,
  readFileSync,
  rmSync,
  utimesSync,
  writeFileSync,
} from "node:fs";
import { tmpdir } from "node:os";
import path from "node:path";
import { afterEach, beforeEach, expect, it } from "vitest";
import { SchedulerCache, submittedRow } from "../../../orchestrator/adapters/scheduler-cache.ts";
import { unreachable } from "../../../orchestrator/sge/grid-failure.ts";
import { waitFor } from "../../rig/wait-for.ts";

const ROW = submittedRow("7", "qs0123abcd-demo", 4);

let directory: string;
let pauses: number;
beforeEach(() => {
  directory = path.join(mkdtempSync(path.join(tmpdir(), "qsweep-cache-")), "scheduler");
  pauses = 0;
});
afterEach(() => rmSync(path.dirname(directory), { recursive: true }));

function cache(pollSeconds = 15): SchedulerCache {
  const pause = async (): Promise<void> => {
    pauses += 1;
    await new Promise(setImmediate);
  };
  return new SchedulerCache({ directory, pollSeconds, pause });
}

/** As if the last question had been asked so long ago; negative: by a clock that went back. */
function age(file: "answer.json" | "failure.json", seconds: number): void {
  const name = path.join(directory, file);
  const kept = JSON.parse(readFileSync(name, "utf8"));
  writeFileSync(name, JSON.stringify({ ...kept, askedAt: kept.askedAt - seconds * 1000 }));
}

it("asks again when the interval is over", async () => {
  await cache().report(async () => []);
  age("answer.json", 14);
  expect((await cache().report(async () => [ROW])).tasks).toEqual([]);
  age("answer.json", 1);
  expect((await cache().report(async () => [ROW])).tasks).toEqual([ROW]);
});

it("says how old an answer is", async () => {
  await cache().report(async () => [ROW]);
  age("answer.json", 10);
  const { ageSeconds } = await cache().report(async () => []);
  expect(ageSeconds).toBeGreaterThanOrEqual(10);
  expect(ageSeconds).toBeLessThan(15);
});

it("asks again when the clock was set back: nothing is known to be fresh then", async () => {
  await cache().report(async () => []);
  age("answer.json", -3600);
  expect((await cache().report(async () => [ROW])).tasks).toEqual([ROW]);
});

it("keeps the last answer readable when there is none to a later question", async () => {
  expect(cache().last()).toBeNull();
  await cache().report(async () => [ROW]);
  age("answer.json", 100);
  const asking = cache().report(async () => {
    throw unreachable("away");
  });
  await expect(asking).rejects.toThrow("away");
  expect(cache().last()?.tasks).toEqual([ROW]);
  expect(cache().last()?.ageSeconds).toBeGreaterThanOrEqual(100);
  await expect(cache().report(async () => [])).rejects.toThrow("away");
  age("failure.json", 15);
  expect((await cache().report(async () => [])).tasks).toEqual([]);
});

it("waits for the process that asks, and takes its answer", async () => {
  let answer = (): void => {};
  const first = cache().report(async () => {
    await new Promise<void>((resolve) => (answer = resolve));
    return [ROW];
  });
  const second = cache().report(async () => []);
  await waitFor("the second to wait", () => pauses > 2);
  answer();
  expect((await first).tasks).toEqual([ROW]);
  expect((await second).tasks).toEqual([ROW]);
});

it("takes over from a process that died while it asked", async () => {
  mkdirSync(directory, { recursive: true });
  const lock = path.join(directory, "asking");
  writeFileSync(lock, "another");
  const before = new Date(Date.now() - 600_000);
  utimesSync(lock, before, before);
  expect((await cache().report(async () => [ROW])).tasks).toEqual([ROW]);
  expect(existsSync(lock)).toBe(false);
});

it("takes a file of another version for none", async () => {
  mkdirSync(directory, { recursive: true });
  writeFileSync(path.join(directory, "answer.json"), '{"version":2}');
  expect((await cache().report(async () => [ROW])).tasks).toEqual([ROW]);
});
