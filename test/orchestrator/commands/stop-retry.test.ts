import { afterEach, beforeEach, describe, expect, it } from "vitest";
import type { GridWitness } from "../../../orchestrator/tracking/witnesses.ts";
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

/** A scheduler at which two pilots of the sweep wait. */
const WAITING: GridWitness = {
  ageSeconds: 1,
  isCurrent: true,
  tasks: [
    {
      job: "7",
      task: null,
      tasks: 20,
      name: "qs0a1b2c3d-scenes-p1",
      state: "waiting",
      shown: "qw",
      host: null,
    },
  ],
  submissions: [
    {
      version: 1,
      token: "0a1b2c3d",
      program: "pilot",
      pool: "p1",
      at_once: 2,
      slices: 10,
      directory: "",
      job: "7",
      isDone: false,
      left: [],
    },
  ],
  ends: [],
  failedSetUps: [],
};

describe("where pilots wait at a scheduler", () => {
  const note = "2 waiting pilots will find nothing to do and end at once.";

  it("stop says what becomes of them", async () => {
    sweep.grid = WAITING;
    expect((await run("stop", "scenes")).stdout).toContain(note);
  });

  it("stop of one trial leaves them the others", async () => {
    sweep.grid = WAITING;
    expect((await run("stop", "scenes", "tb")).stdout).not.toContain("waiting pilot");
  });

  it("retry counts on them", async () => {
    sweep.grid = WAITING;
    sweep.fail("ta00000000001", 1);
    expect((await run("retry", "scenes")).stdout).toContain("Pilots are there");
  });
});

describe("retry", () => {
  it("goes on with a trial that is held", async () => {
    for (const attempt of [1, 2, 3, 4, 5]) sweep.claim("ta00000000001", attempt);
    const silent = { ...lease(5), ageSeconds: 60, expired: true };
    sweep.witnesses = {
      leases: new Map([["ta00000000001", silent]]),
      live: new Map(),
      pilots: 1,
    };
    expect((await run("status", "scenes")).stdout).toContain("1 stopped");
    await run("retry", "scenes", "ta00000000001");
    expect(wish("ta00000000001").forgivenAttempt).toBe(5);
    expect((await run("status", "scenes")).stdout).toContain("1 unreachable");
  });

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
