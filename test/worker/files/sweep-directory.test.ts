import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import path from "node:path";
import { afterEach, beforeEach, expect, it } from "vitest";
import type { Intent } from "../../../worker/contract/trial-files.ts";
import { pathsIn, readWishes, recordIntent } from "../../../worker/files/sweep-directory.ts";
import { claimAttempt, claimedAttempts } from "../../../worker/files/trial-directory.ts";

const A = "t00000000000a";
const B = "t00000000000b";

let directory: string;

beforeEach(() => {
  directory = mkdtempSync(path.join(tmpdir(), "qsweep-sweep-"));
});

afterEach(() => {
  rmSync(directory, { recursive: true, force: true });
});

function ask(intent: Omit<Intent, "version" | "time">): void {
  recordIntent(pathsIn(directory), { version: 1, time: "2026-01-01T00:00:00Z", ...intent });
}

it("the last word of the user on a trial holds", () => {
  ask({ kind: "stop", trials: "all" });
  ask({ kind: "resume", trials: [A] });
  const wishes = readWishes(pathsIn(directory));
  expect([wishes(A).stopped, wishes(B).stopped]).toEqual([false, true]);
});

it("a retry lifts a stop and forgives failures up to the attempt it names", () => {
  ask({ kind: "stop", trials: [A] });
  ask({ kind: "retry", trials: [A], after_attempt: { [A]: 3 } });
  ask({ kind: "stop", trials: [B] });
  expect(readWishes(pathsIn(directory))(A)).toEqual({ stopped: false, forgivenAttempt: 3 });
});

it("intents of two writers at once are both kept, each under a number of its own", () => {
  for (let turn = 0; turn < 12; turn += 1) ask({ kind: "stop", trials: [turn % 2 ? A : B] });
  ask({ kind: "resume", trials: "all" });
  expect(readWishes(pathsIn(directory))(A).stopped).toBe(false);
});

it("an attempt is claimed by exactly one of those who try", () => {
  const claims = ["p", "q", "r"].map((pilot) => claimAttempt(directory, 1, pilot));
  expect(claims).toEqual([true, false, false]);
  expect(claimAttempt(directory, 2, "q")).toBe(true);
  expect(claimedAttempts(directory)).toEqual([1, 2]);
});
