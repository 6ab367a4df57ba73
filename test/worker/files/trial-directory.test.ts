import { mkdirSync } from "node:fs";
import path from "node:path";
import { afterEach, beforeEach, describe, expect, it } from "vitest";
import {
  attemptPaths,
  readTrialBriefly,
  readTrialRecord,
  recordEnd,
} from "../../../worker/files/trial-directory.ts";
import { LaunchedSweep } from "../../rig/launched-sweep.ts";

const ID = "t000000000001";
let sweep: LaunchedSweep;
let trial: string;
beforeEach(() => {
  sweep = new LaunchedSweep();
  sweep.add({ id: ID });
  trial = sweep.directory(ID);
});
afterEach(() => sweep.dispose());

const lost = { reason: "node-lost", message: "", retryable: true } as const;
const exit = { version: 1, outcome: "failed", step: 4, failure: lost } as const;
const exits = () => readTrialRecord(trial).attempts.map((attempt) => attempt.exit);

describe("the end of an attempt that left no word", () => {
  it("is recorded once, also where its pilot died before it had a directory", () => {
    sweep.claim(ID, 1);
    expect(recordEnd(trial, 1, exit)).toBe(true);
    expect(recordEnd(trial, 1, { ...exit, step: 9 })).toBe(false);
    expect(exits()).toEqual([exit]);
  });

  it("is not recorded behind a newer attempt, nor for one that nobody claimed", () => {
    sweep.claim(ID, 1);
    expect(recordEnd(trial, 2, exit)).toBe(false);
    sweep.claim(ID, 2);
    expect(recordEnd(trial, 1, exit)).toBe(false);
    expect(exits()).toEqual([null, null]);
  });
});

it("tells how far an attempt without an exit record got from its whole checkpoints", () => {
  sweep.claim(ID, 1);
  const { checkpoints } = attemptPaths(trial, 1);
  expect(readTrialRecord(trial).attempts[0]?.checkpointStep).toBeUndefined();
  for (const name of ["step-9", "best-step-20", "step-100-unvalidated", ".step-300.tmp"]) {
    mkdirSync(path.join(checkpoints, name), { recursive: true });
  }
  expect(readTrialRecord(trial).attempts[0]?.checkpointStep).toBe(100);
});

it("lists the attempts of a finished trial, later ones and gaps among them, in its brief", () => {
  for (const attempt of [1, 3, 4, 5]) sweep.claim(ID, attempt);
  sweep.finish(ID, 4, 0.5);
  const { result, attempts } = readTrialBriefly(trial);
  expect([result?.attempt, attempts.map(({ attempt }) => attempt)]).toEqual([4, [1, 3, 4, 5]]);
});
