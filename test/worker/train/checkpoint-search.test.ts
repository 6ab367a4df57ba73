import { mkdir, mkdtemp, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import path from "node:path";
import { afterEach, beforeEach, describe, expect, it } from "vitest";
import { newestCheckpoint } from "../../../worker/train/checkpoint-search.ts";
import { bestPath as best, lastPath as last, plantCheckpoint } from "./planted-checkpoint.ts";

let trialDirectory: string;

beforeEach(async () => {
  trialDirectory = await mkdtemp(path.join(tmpdir(), "qsweep-search-"));
});

afterEach(async () => {
  await rm(trialDirectory, { recursive: true });
});

const put = (relative: string, changes: Parameters<typeof plantCheckpoint>[2] = {}) =>
  plantCheckpoint(trialDirectory, relative, changes);

describe("newestCheckpoint", () => {
  const trial = "t0123456789ab";
  async function search(): Promise<{ found: string | null; refused: string[] }> {
    const refused: string[] = [];
    const found = await newestCheckpoint({
      trialDirectory,
      trial,
      refused: (checkpoint, problem) => refused.push(`${checkpoint}: ${problem}`),
    });
    return { found: found?.path ?? null, refused };
  }

  it("finds none in a new trial", async () => {
    expect(await search()).toEqual({ found: null, refused: [] });
  });

  it("takes the one with the most steps, whichever attempt wrote it", async () => {
    for (const one of [last(1, 6), last(2, 2), best(2, 9)]) await put(one);
    expect(await search()).toEqual({ found: last(1, 6), refused: [] });
  });

  it("prefers an epoch that is validated to one that is not", async () => {
    await put("attempts/1/checkpoints/step-3-unvalidated", { epoch: 0, step_in_epoch: 3 });
    await put(last(2, 3), { epoch: 1 });
    expect((await search()).found).toBe(last(2, 3));
  });

  it("refuses a damaged one by name and takes the next older", async () => {
    for (const one of [last(1, 4), last(2, 6)]) await put(one);
    await writeFile(path.join(trialDirectory, last(2, 6), "weights"), "other6");
    const { found, refused } = await search();
    expect(found).toBe(last(1, 4));
    expect(refused).toEqual([
      expect.stringMatching(/^attempts\/2\/.*step-6: .*weights is damaged/),
    ]);
  });

  it("refuses one of another trial, and one whose best weights are gone", async () => {
    await put(last(1, 4), { trial: "tffffffffffff" });
    const metrics = { cider: 1 };
    await put(last(2, 6), { best: { epoch: 0, step: 2, metrics, path: best(1, 2) } });
    const { found, refused } = await search();
    expect(found).toBeNull();
    expect(refused).toHaveLength(2);
  });

  it("does not see what was never completed", async () => {
    await mkdir(path.join(trialDirectory, "attempts/1/checkpoints/.step-4.half"), {
      recursive: true,
    });
    expect(await search()).toEqual({ found: null, refused: [] });
  });
});
