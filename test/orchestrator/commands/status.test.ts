import { afterEach, beforeEach, expect, it } from "vitest";
import { LaunchedSweep, lease, live } from "../../rig/launched-sweep.ts";
import { runOnSweep } from "./run-on-sweep.ts";

let sweep: LaunchedSweep;
beforeEach(() => {
  sweep = new LaunchedSweep();
});
afterEach(() => sweep.dispose());

const status = (...words: string[]) => runOnSweep(sweep.open, ["status", "scenes", ...words]);

interface StatusJson {
  sweep: string;
  site: string;
  asOf: string;
  trials: Record<string, unknown>[];
}

async function statusJson(): Promise<StatusJson> {
  return JSON.parse((await status("--json")).stdout) as StatusJson;
}

it("gives a finished trial's numbers from its result", async () => {
  sweep.add({ id: "t000000000001", params: { lr: 0.5 }, seed: 3 });
  sweep.finish("t000000000001", 1, 0.75);
  const value = await statusJson();
  expect(value).toMatchObject({ sweep: "scenes", site: "local" });
  expect(new Date(value.asOf).toISOString()).toBe(value.asOf);
  expect(value.trials).toEqual([
    {
      id: "t000000000001",
      arm: "full",
      seed: 3,
      params: { lr: 0.5 },
      state: "finished",
      attempt: 1,
      epoch: 2,
      epochs: 2,
      step: 20,
      loss: 2.5,
      metrics: { cider: 0.75 },
      evidence: [{ witness: "result", ageSeconds: expect.any(Number) as number }],
    },
  ]);
});

it("gives a running trial's numbers from what its pilot shows", async () => {
  const id = sweep.add({ id: "t000000000001" });
  sweep.claim(id, 1);
  sweep.witnesses = {
    leases: new Map([[id, lease(1)]]),
    live: new Map([[id, live({ loss: 4.5, cider: 0.25 })]]),
    pilots: 1,
  };
  const [trial] = (await statusJson()).trials;
  expect(trial).toMatchObject({
    state: "running",
    epoch: 1,
    step: 5,
    loss: 4.5,
    metrics: { cider: 0.25 },
  });
});

it("does not take what an older attempt showed for the newest one's", async () => {
  const id = sweep.add({ id: "t000000000001" });
  sweep.end(id, 1, { outcome: "handed-back", why: "shutdown" });
  sweep.claim(id, 2);
  sweep.witnesses = {
    leases: new Map([[id, lease(2)]]),
    live: new Map([[id, live({ attempt: 1, step: 17 })]]),
    pilots: 1,
  };
  expect((await statusJson()).trials[0]).toMatchObject({
    state: "running",
    attempt: 2,
    step: null,
  });
});

it("gives the numbers of a trial nobody hears of from its events", async () => {
  const id = sweep.add({ id: "t000000000001" });
  sweep.claim(id, 1);
  const time = "2026-11-24T10:00:00.000Z";
  const event = { type: "step", time, epoch: 1, step: 13, loss: 3.25, lr: 1, step_seconds: 1 };
  sweep.append(id, 1, "events", `${JSON.stringify(event)}\n{"type":"st`);
  expect((await statusJson()).trials[0]).toMatchObject({
    state: "unreachable",
    epoch: 2,
    step: 13,
    loss: 3.25,
  });
});

it("prints the trials in the manner of qstat, with counts and what to do", async () => {
  sweep.add({ id: "t00000000aaaa", arm: "full", params: { lr: 1e-5 } });
  sweep.add({ id: "t00000000bbbb", arm: "lora", method: "lora", params: { "lora.r": 8 } });
  sweep.finish("t00000000aaaa", 1, 0.75);
  sweep.witnesses = { leases: new Map(), live: new Map(), pilots: 0 };
  const { stdout, exitCode } = await status();
  expect(exitCode).toBe(0);
  const lines = stdout.split("\n");
  expect(lines[0]?.split(/ {2,}/)).toEqual(
    "id arm lr lora.r seed state pilot epoch step loss CIDEr ETA".split(" "),
  );
  expect(lines[1]?.split(/ {2,}/)).toEqual(
    "t00000000a full 1e-5 - 0 finished - 2/2 20/20 2.500 0.750 -".split(" "),
  );
  expect(lines[2]?.split(/ {2,}/)).toEqual("t00000000b lora - 8 0 planned - - - - - -".split(" "));
  expect(lines[4]).toMatch(/^2 trials: 1 planned, 1 finished; 0 pilots; as of \d\d:\d\d:\d\d$/);
  expect(lines[5]).toBe(
    "1 trial waits and no pilot is connected: `qsweep launch FILE` starts what is missing.",
  );
});

it("says of a broker that does not answer only that", async () => {
  sweep.claim(sweep.add({ id: "t000000000001" }), 1);
  const { stdout } = await status();
  expect(stdout).toContain("1 trial unreachable: no broker answers to tell");
  expect(stdout).not.toContain("failed");
});

it("gives a failed trial's reason", async () => {
  sweep.fail(sweep.add({ id: "t000000000001" }), 1, { reason: "out-of-memory", message: "2 GB" });
  expect((await status()).stdout).toContain("t000000000001 failed: out-of-memory: 2 GB");
});

it("watches until all is settled, and prints the last status for a program", async () => {
  sweep.finish(sweep.add({ id: "t000000000001" }), 1, 0.5);
  const { stdout } = await status("--watch", "--json");
  expect(JSON.parse(stdout)).toMatchObject({ trials: [{ state: "finished" }] });
});

it("records how an attempt ended that only the scheduler knows, and shows it at once", async () => {
  const id = sweep.add({ id: "t000000000001" });
  sweep.claim(id, 1, "7.2.1f2e3d4c");
  sweep.age(id, 1, 600);
  const end = { job: "7", task: 2, how: "walltime", status: 137, said: "failed 37" } as const;
  const ends = [{ ...end, host: "gpu1" }];
  const nothing = { tasks: [], submissions: [], failedSetUps: [] };
  sweep.grid = { ageSeconds: 1, isCurrent: false, ends, ...nothing };
  expect((await statusJson()).trials[0]).toMatchObject({ state: "unreachable" });
  sweep.grid = { ...sweep.grid, isCurrent: true };
  expect((await statusJson()).trials[0]).toMatchObject({ state: "planned", attempt: 1 });
  const [trial] = (await (await sweep.open()).read()).trials;
  expect(trial?.record.attempts[0]?.exit).toMatchObject({ failure: { reason: "walltime" } });
});

it("names the scheduler among its evidence", async () => {
  sweep.claim(sweep.add({ id: "t000000000001" }), 1, "7.2.1f2e3d4c");
  const nothing = { tasks: [], submissions: [], ends: [], failedSetUps: [] };
  sweep.grid = { ageSeconds: 12, isCurrent: true, ...nothing };
  expect((await statusJson()).trials[0]?.["evidence"]).toContainEqual({
    witness: "scheduler",
    ageSeconds: 12,
  });
});
