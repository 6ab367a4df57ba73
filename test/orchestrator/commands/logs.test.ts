import { afterEach, beforeEach, describe, expect, it } from "vitest";
import { LaunchedSweep } from "../../rig/launched-sweep.ts";
import { runOnSweep } from "./run-on-sweep.ts";

const ID = "t000000000001";
let sweep: LaunchedSweep;
beforeEach(() => {
  sweep = new LaunchedSweep();
  sweep.add({ id: ID });
});
afterEach(() => sweep.dispose());

/** Runs `logs`; at each pause the next step changes the sweep, and after the last the user leaves. */
function logs(words: string[], ...steps: (() => void)[]) {
  return runOnSweep(sweep.open, ["logs", "scenes", ...words], async () => {
    const step = steps.shift();
    if (!step) throw new Error("followed on after the trial was settled");
    step();
  });
}

describe("logs", () => {
  it("prints the newest attempt's log", async () => {
    sweep.end(ID, 1, { outcome: "handed-back", why: "shutdown" });
    sweep.append(ID, 1, "log", "first\n");
    sweep.claim(ID, 2);
    sweep.append(ID, 2, "log", "second\n");
    expect((await logs([ID])).stdout).toBe("second\n");
    expect((await logs([ID, "--attempt", "1"])).stdout).toBe("first\n");
    expect(JSON.parse((await logs([ID, "--json"])).stdout)).toEqual({
      trial: ID,
      attempt: 2,
      log: "second\n",
    });
  });

  it("prints a log longer than what is read at a time, characters whole", async () => {
    const log = "aé".repeat(1 << 19);
    sweep.claim(ID, 1);
    sweep.append(ID, 1, "log", log);
    expect((await logs([ID])).stdout === log).toBe(true);
  });

  it("fails for a trial that nobody has taken up, and for an attempt that does not exist", async () => {
    expect((await logs([ID])).stderr).toContain("no log yet");
    sweep.claim(ID, 1);
    expect((await logs([ID, "--attempt", "2"])).stderr).toContain("no attempt 2");
    expect((await logs([ID, "--attempt", "zero"])).exitCode).toBe(2);
  });

  it("--follow goes on over attempts until the trial is settled", async () => {
    const { stdout, stderr, exitCode } = await logs(
      [ID, "--follow"],
      () => {
        sweep.claim(ID, 1);
        sweep.append(ID, 1, "log", "one\n");
      },
      () => {
        sweep.append(ID, 1, "log", "two\n");
        sweep.end(ID, 1, { outcome: "handed-back", why: "shutdown" });
      },
      () => {
        sweep.append(ID, 1, "log", "last words\n");
        sweep.claim(ID, 2);
        sweep.append(ID, 2, "log", "three\n");
      },
      () => {
        sweep.append(ID, 2, "log", "four\n");
        sweep.finish(ID, 2, 0.5);
      },
    );
    expect(stdout).toBe("one\ntwo\nlast words\nthree\nfour\n");
    expect(stderr).toBe(`== ${ID}, attempt 1\n== ${ID}, attempt 2\n`);
    expect(exitCode).toBe(0);
  });

  it("--follow of a settled trial prints its log and ends", async () => {
    sweep.finish(ID, 1, 0.5);
    sweep.append(ID, 1, "log", "all\n");
    expect((await logs([ID, "--follow"])).stdout).toBe("all\n");
  });
});
