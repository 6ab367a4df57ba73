import { existsSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { afterEach, beforeEach, describe, expect, it } from "vitest";
import { readSweep, sweepPaths } from "../../../worker/files/sweep-directory.ts";
import { readTrialBriefly, trialPaths } from "../../../worker/files/trial-directory.ts";
import { LaunchedSweep } from "../../rig/launched-sweep.ts";

/** So many that keeping what was read of them is worth a file. */
const FINISHED = Array.from({ length: 120 }, (_, index) => trialId(index));
const WAITING = trialId(500);

let sweep: LaunchedSweep;
beforeEach(() => {
  sweep = new LaunchedSweep();
  for (const id of [...FINISHED, WAITING]) sweep.add({ id });
  for (const id of FINISHED) finish(id, 0.5);
});
afterEach(() => sweep.dispose());

function trialId(index: number): string {
  return `t${String(index).padStart(12, "0")}`;
}

function finish(id: string, cider: number): void {
  sweep.claim(id, 1);
  sweep.finish(id, 1, cider);
}

const paths = () => sweepPaths(sweep.root, sweep.name);
const recordsNow = () =>
  Object.fromEntries(readSweep(paths())!.trials.map(({ spec, record }) => [spec.id, record]));
/** Read from each trial's own directory. */
const truth = () =>
  Object.fromEntries(
    [...FINISHED, WAITING].map((id) => [id, readTrialBriefly(sweep.directory(id))]),
  );

describe("what is kept of finished trials", () => {
  it("says what their directories say, also when it was read from the one file", () => {
    expect(recordsNow()).toEqual(truth());
    expect(existsSync(paths().results)).toBe(true);
    expect(recordsNow()).toEqual(truth());
    expect(recordsNow()[WAITING]?.result).toBeNull();
  });

  it("is not believed where a trial's result is another one, or gone", () => {
    recordsNow();
    const [changed = "", gone = ""] = FINISHED;
    rmSync(trialPaths(sweep.directory(changed)).result);
    finish(changed, 0.25);
    rmSync(trialPaths(sweep.directory(gone)).result);
    rmSync(trialPaths(sweep.directory(gone)).attempts, { recursive: true });
    const found = recordsNow();
    expect(found[changed]?.result?.metrics.cider).toBe(0.25);
    expect(found[gone]).toEqual({ result: null, attempts: [] });
  });

  it.each(["", "{", '{"version": 2, "trials": {}}'])("is made anew from a file of %j", (text) => {
    recordsNow();
    writeFileSync(paths().results, text);
    expect(recordsNow()).toEqual(truth());
    const kept = JSON.parse(readFileSync(paths().results, "utf8")) as { trials: object };
    expect(Object.keys(kept.trials)).toEqual(FINISHED);
  });
});
