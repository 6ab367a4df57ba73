import { mkdir, mkdtemp, readdir, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import path from "node:path";
import { afterEach, beforeEach, describe, expect, it } from "vitest";
import { attemptPaths } from "../../../worker/files/trial-directory.ts";
import { pruneCheckpoints } from "../../../worker/train/checkpoint-retention.ts";
import { bestPath as best, lastPath as last, plantCheckpoint } from "./planted-checkpoint.ts";

let trialDirectory: string;

beforeEach(async () => {
  trialDirectory = await mkdtemp(path.join(tmpdir(), "qsweep-retention-"));
});

afterEach(async () => {
  await rm(trialDirectory, { recursive: true });
});

const put = (relative: string) => plantCheckpoint(trialDirectory, relative);

async function putFile(attempt: number, which: "exit" | "result"): Promise<void> {
  await writeFile(attemptPaths(trialDirectory, attempt)[which], "{}");
}

async function remaining(): Promise<string[]> {
  const attempts = await readdir(path.join(trialDirectory, "attempts"));
  const paths = attempts.map(async (attempt) => {
    const parent = `attempts/${attempt}/checkpoints`;
    const names = await readdir(path.join(trialDirectory, parent));
    return names.map((name) => `${parent}/${name}`);
  });
  return (await Promise.all(paths)).flat().toSorted();
}

const prune = (attempt: number, keep: { last: string; best: string | null }) =>
  pruneCheckpoints({ trialDirectory, attempt, keep });

describe("pruneCheckpoints", () => {
  it("keeps the best and the last of the attempt's own, and sweeps what was cut short", async () => {
    for (const one of [last(1, 2), best(1, 2), best(1, 4), last(1, 6)]) await put(one);
    await mkdir(path.join(trialDirectory, "attempts/1/checkpoints/.step-5.half"));
    await prune(1, { last: last(1, 6), best: best(1, 4) });
    expect(await remaining()).toEqual([best(1, 4), last(1, 6)]);
  });

  it("deletes an earlier attempt's resumable checkpoints once it is as far itself", async () => {
    for (const one of [last(1, 4), best(1, 2), last(2, 4)]) await put(one);
    await prune(2, { last: last(2, 4), best: best(1, 2) });
    expect(await remaining()).toEqual([best(1, 2), last(2, 4)]);
  });

  it("leaves an earlier attempt that is ahead, and may be alive, what it has", async () => {
    for (const one of [last(1, 6), best(1, 4), last(2, 2)]) await put(one);
    await prune(2, { last: last(2, 2), best: null });
    expect(await remaining()).toEqual([best(1, 4), last(1, 6), last(2, 2)].toSorted());
  });

  it("deletes an earlier attempt's best weights only with proof that it is over", async () => {
    for (const one of [best(1, 2), best(2, 4), last(2, 4)]) await put(one);
    await prune(2, { last: last(2, 4), best: best(2, 4) });
    expect(await remaining()).toContain(best(1, 2));
    await putFile(1, "exit");
    await prune(2, { last: last(2, 4), best: best(2, 4) });
    expect(await remaining()).not.toContain(best(1, 2));
  });

  it("keeps the best weights of an earlier attempt that left a result", async () => {
    for (const one of [best(1, 2), best(2, 4), last(2, 4)]) await put(one);
    await putFile(1, "exit");
    await putFile(1, "result");
    await prune(2, { last: last(2, 4), best: best(2, 4) });
    expect(await remaining()).toContain(best(1, 2));
  });

  it("touches no later attempt", async () => {
    for (const one of [last(1, 6), last(2, 2)]) await put(one);
    await putFile(2, "exit");
    await prune(1, { last: last(1, 6), best: null });
    expect(await remaining()).toEqual([last(1, 6), last(2, 2)]);
  });
});
