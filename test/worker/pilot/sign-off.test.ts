import { existsSync, writeFileSync } from "node:fs";
import path from "node:path";
import { expect, it } from "vitest";
import { submissionPaths } from "../../../worker/files/submission-directory.ts";
import { SignOff } from "../../../worker/pilot/sign-off.ts";
import { temporaryFolder } from "../data/temporary-folder.ts";

async function stage() {
  const submission = await temporaryFolder();
  const file = path.join(submission, "task-1.left");
  const { done } = submissionPaths(submission);
  return { submission, file, seen: () => [existsSync(file), existsSync(done)], done };
}

it("a pilot that leaves for itself says nothing of the other tasks", async () => {
  const { submission, file, seen } = await stage();
  new SignOff({ file, submission }).give({ settled: false });
  expect(seen()).toEqual([true, false]);
});

it("a pilot that sees every trial settled speaks for all, until there is work", async () => {
  const { submission, file, seen } = await stage();
  const signOff = new SignOff({ file, submission });
  signOff.give({ settled: true });
  expect([signOff.isGiven, ...seen()]).toEqual([true, true, true]);
  signOff.takeBack();
  expect([signOff.isGiven, ...seen()]).toEqual([false, false, false]);
});

it("a rerun of a task takes back what its former copy said of itself alone", async () => {
  const { submission, file, done, seen } = await stage();
  writeFileSync(file, "");
  writeFileSync(done, "");
  expect(new SignOff({ file, submission }).isGiven).toBe(false);
  expect(seen()).toEqual([false, true]);
});
