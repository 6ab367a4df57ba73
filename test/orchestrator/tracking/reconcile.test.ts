import { readFileSync } from "node:fs";
import path from "node:path";
import { afterEach, beforeEach, describe, expect, it } from "vitest";
import type { GridEnd, GridTask } from "../../../orchestrator/ports/scheduler.ts";
import { gridEnds } from "../../../orchestrator/sge/accounting.ts";
import {
  failureOf,
  reconcile,
  type ReconcileQuery,
  silentPilots,
} from "../../../orchestrator/tracking/reconcile.ts";
import type { GridWitness, Witnesses } from "../../../orchestrator/tracking/witnesses.ts";
import { LaunchedSweep, lease } from "../../rig/launched-sweep.ts";

const ID = "t000000000001";
const PILOT = "7.2.1f2e3d4c";

let sweep: LaunchedSweep;
beforeEach(() => {
  sweep = new LaunchedSweep();
  sweep.add({ id: ID });
});
afterEach(() => sweep.dispose());

const lost: GridEnd = {
  job: "7",
  task: 2,
  how: "node-lost",
  status: 0,
  said: "failed 19",
  host: "gpu1",
};
const row: GridTask = {
  job: "7",
  task: 2,
  tasks: 1,
  name: "qs0a1b2c3d-demo",
  state: "running",
  shown: "r",
  host: "gpu1",
};
const heard = (expired: boolean): Witnesses => ({
  leases: new Map([[ID, { ...lease(1), expired }]]),
  live: new Map(),
  pilots: 1,
});
const over: GridWitness = {
  ageSeconds: 5,
  isCurrent: true,
  tasks: [],
  submissions: [],
  ends: [lost],
  failedSetUps: [],
};

interface Scene extends Partial<Omit<ReconcileQuery, "snapshot">> {
  claimAge?: number;
}

async function actionsIn({ claimAge = 600, ...scene }: Scene = {}) {
  const read = await (await sweep.open()).read();
  const fileAges = new Map([[ID, { result: null, exit: null, claim: claimAge }]]);
  const snapshot = { ...read, fileAges };
  return reconcile({ snapshot, witnesses: heard(true), grid: over, steps: new Map(), ...scene });
}

describe("an open attempt is recorded as over", () => {
  beforeEach(() => sweep.claim(ID, 1, PILOT));

  it("when scheduler, accounting and broker agree", async () => {
    const failure = {
      reason: "node-lost",
      message: "grid job 7.2 on gpu1 was lost with its node (failed 19)",
      retryable: true,
    };
    expect(await actionsIn({ steps: new Map([[ID, 17]]) })).toEqual([
      {
        kind: "record-end",
        trial: ID,
        attempt: 1,
        exit: { version: 1, outcome: "failed", step: 17, failure },
      },
    ]);
  });

  it("when no broker answers and the other two agree", async () => {
    expect(await actionsIn({ witnesses: null })).toHaveLength(1);
  });

  it.each<[string, Scene]>([
    ["its lease holds", { witnesses: heard(false) }],
    [
      "the broker has not counted the silence yet",
      { witnesses: { ...heard(true), leases: new Map() } },
    ],
    ["the scheduler does not answer now", { grid: { ...over, isCurrent: false } }],
    ["the scheduler still shows its task", { grid: { ...over, tasks: [row] } }],
    ["the accounting does not know it yet", { grid: { ...over, ends: [] } }],
    [
      "the accounting's word is of another task",
      { grid: { ...over, ends: [{ ...lost, task: 3 }] } },
    ],
    ["it is to run again", { grid: { ...over, ends: [{ ...lost, how: "rescheduled" }] } }],
    [
      "the accounting's word is of a try before any pilot",
      { grid: { ...over, ends: [{ ...lost, how: "setup" }] } },
    ],
    ["its claim is too young for the scheduler's answer", { claimAge: 64 }],
    ["the site has no scheduler", { grid: null }],
  ])("but not while %s", async (_, scene) => {
    expect(await actionsIn(scene)).toEqual([]);
  });

  it("but not when it left an exit record, or a newer attempt is there", async () => {
    sweep.end(ID, 1, { outcome: "handed-back", why: "stop" });
    expect(await actionsIn()).toEqual([]);
    sweep.claim(ID, 2, "8.1.n");
    expect(await actionsIn()).toEqual([]);
  });

  it("once, however often that is done", async () => {
    const access = await sweep.open();
    const [action] = await actionsIn();
    if (!action) throw new Error("nothing to do");
    await access.apply(action);
    await access.apply(action);
    const [trial] = (await access.read()).trials;
    expect(trial?.record.attempts[0]?.exit).toMatchObject({ failure: { reason: "node-lost" } });
    expect(await actionsIn()).toEqual([]);
  });

  it("never over what the attempt itself wrote meanwhile, nor behind a newer one", async () => {
    const access = await sweep.open();
    const [action] = await actionsIn();
    if (!action) throw new Error("nothing to do");
    sweep.end(ID, 1, { outcome: "handed-back", why: "stop" });
    await access.apply(action);
    sweep.claim(ID, 2);
    sweep.claim(ID, 3);
    await access.apply({ ...action, attempt: 2 });
    const [trial] = (await access.read()).trials;
    expect(trial?.record.attempts.map(({ exit }) => exit?.outcome ?? null)).toEqual([
      "handed-back",
      null,
      null,
    ]);
  });
});

it("publishes the result of an attempt whose pilot died before it could", async () => {
  sweep.end(ID, 3, { outcome: "finished", step: 20 });
  expect(await actionsIn({ grid: null })).toEqual([{ kind: "publish", trial: ID, attempt: 3 }]);
});

it("asks about the pilots of open attempts that no lease speaks for", async () => {
  for (const id of ["t000000000002", "t000000000003", "t000000000004"]) sweep.add({ id });
  sweep.claim(ID, 1, "7.1.a");
  sweep.claim("t000000000002", 1, "7.2.b");
  sweep.end("t000000000003", 1, { outcome: "handed-back", why: "stop" });
  const snapshot = await (await sweep.open()).read();
  expect(silentPilots(snapshot, heard(false))).toEqual(["7.2.b"]);
  expect(silentPilots(snapshot, heard(true))).toEqual(["7.1.a", "7.2.b"]);
  expect(silentPilots(snapshot, null)).toEqual(["7.1.a", "7.2.b"]);
});

it.each<[Partial<GridEnd>, string, RegExp]>([
  [{ how: "walltime", status: 137 }, "walltime", /was ended at its walltime/],
  [{ how: "node-lost", status: 0 }, "node-lost", /was lost with its node/],
  [{ how: "killed", status: 137 }, "pilot-killed", /by SIGKILL, perhaps out of memory/],
  [{ how: "killed", status: 140 }, "pilot-killed", /by SIGUSR2 \(/],
  [{ how: "killed", status: 143 }, "pilot-killed", /by signal 15 \(/],
  [{ how: "exit", status: 137 }, "pilot-killed", /by SIGKILL/],
  [{ how: "exit", status: 3 }, "unknown", /ended with status 3 and left no exit record/],
  [{ how: "unknown", status: 0 }, "unknown", /grid job 7\.2 on gpu1 failed \(what it said\)/],
])("names what accounting says: %j → %s", (end, reason, message) => {
  const failure = failureOf({ ...lost, said: "what it said", ...end });
  expect(failure).toMatchObject({ reason, retryable: true });
  expect(failure.message).toMatch(message);
});

const SAMPLES = path.resolve(import.meta.dirname, "../../fixtures/sge-samples");

it.each([
  ["qacct-hrt", "walltime"],
  ["qacct-host-crashed", "node-lost"],
  ["qacct-qdel", "pilot-killed"],
  ["qacct-sigkill-self", "pilot-killed"],
  ["qacct-killed-by-USR2-no-handler", "pilot-killed"],
  ["qacct-exit3", "unknown"],
])("calls what Grid Engine's accounting had of %s: %s", (sample, reason) => {
  const [end] = gridEnds(readFileSync(path.join(SAMPLES, `${sample}.txt`), "utf8"));
  expect(end && failureOf(end).reason).toBe(reason);
});
