import { afterEach, beforeEach, describe, expect, it } from "vitest";
import { readWishes, sweepPaths } from "../../../worker/files/sweep-directory.ts";
import { LaunchedSweep, lease } from "../../rig/launched-sweep.ts";
import { runOnSweep } from "./run-on-sweep.ts";

let sweep: LaunchedSweep;
beforeEach(() => {
  sweep = new LaunchedSweep();
  for (const id of ["ta00000000001", "ta00000000002", "tb00000000003"]) sweep.add({ id });
});
afterEach(() => sweep.dispose());

const run = (...words: string[]) => runOnSweep(sweep.open, words);
const wish = (trial: string) => readWishes(sweepPaths(sweep.root, "scenes"))(trial);
const stopped = () =>
  ["ta00000000001", "ta00000000002", "tb00000000003"].filter((trial) => wish(trial).stopped);

describe("stop", () => {
  it("stops the whole sweep and says what becomes of it", async () => {
    sweep.claim("ta00000000001", 1);
    sweep.witnesses = {
      leases: new Map([["ta00000000001", lease(1)]]),
      live: new Map(),
      pilots: 1,
    };
    const { stdout } = await run("stop", "scenes");
    expect(stopped()).toHaveLength(3);
    expect(stdout).toContain("1 trial asked to checkpoint and stop.");
    expect(stdout).toContain("2 waiting trials will not be started.");
  });

  it("stops one trial by a unique beginning of its id", async () => {
    const { stdout } = await run("stop", "scenes", "tb", "--json");
    expect(stopped()).toEqual(["tb00000000003"]);
    expect(JSON.parse(stdout)).toEqual({
      sweep: "scenes",
      intent: "stop",
      trials: ["tb00000000003"],
    });
  });

  it("records nothing when one of the names is wrong", async () => {
    const { exitCode, stderr } = await run("stop", "scenes", "tb", "tc");
    expect([exitCode, stderr]).toEqual([1, expect.stringContaining('no trial "tc"')]);
    expect(stopped()).toEqual([]);
  });

  it("refuses a beginning that several ids share, naming them", async () => {
    const { exitCode, stderr } = await run("stop", "scenes", "ta");
    expect(exitCode).toBe(1);
    expect(stderr).toContain("ta00000000001, ta00000000002");
  });

  it("leaves settled trials alone", async () => {
    sweep.finish("tb00000000003", 1, 0.5);
    expect((await run("stop", "scenes", "tb")).stdout).toContain("Nothing to stop");
    expect(stopped()).toEqual([]);
  });
});

describe("retry", () => {
  it("forgives failures up to the newest attempt and takes stops back", async () => {
    sweep.fail("ta00000000001", 1);
    sweep.fail("ta00000000001", 2);
    sweep.stop(["ta00000000002"]);
    const { stdout } = await run("retry", "scenes");
    expect(wish("ta00000000001")).toEqual({ stopped: false, forgivenAttempt: 2 });
    expect(wish("ta00000000002").stopped).toBe(false);
    expect(stdout).toContain("2 trials may be handed out again.");
    expect(stdout).toContain("`qsweep launch FILE` starts some");
  });

  it("--failed leaves stopped trials stopped", async () => {
    sweep.fail("ta00000000001", 1);
    sweep.stop(["ta00000000002"]);
    const { stdout } = await run("retry", "scenes", "--failed", "--json");
    expect(JSON.parse(stdout)).toMatchObject({ intent: "retry", trials: ["ta00000000001"] });
    expect(stopped()).toEqual(["ta00000000002"]);
  });

  it("refuses a trial that is neither failed nor stopped", async () => {
    sweep.finish("tb00000000003", 1, 0.5);
    const { exitCode, stderr } = await run("retry", "scenes", "tb");
    expect(exitCode).toBe(1);
    expect(stderr).toContain("trial tb00000000003 is finished");
  });
});
