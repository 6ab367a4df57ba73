import { describe, expect, it } from "vitest";
import type { GridTask } from "../../../orchestrator/ports/scheduler.ts";
import {
  type GridSight,
  type StandingQuery,
  trialStanding,
} from "../../../orchestrator/tracking/trial-state.ts";
import type { AttemptExit, TrialResult } from "../../../worker/contract/trial-files.ts";
import type { AttemptRecord } from "../../../worker/files/trial-directory.ts";
import { lease } from "../../rig/launched-sweep.ts";

const CLAIM = { version: 1, nonce: "n", pilot: "p1", host: "h", time: "" } as const;
const attempt = (number: number, exit: AttemptExit | null = null): AttemptRecord => ({
  attempt: number,
  claim: CLAIM,
  exit,
});
const handedBack = { version: 1, outcome: "handed-back", step: 3, why: "stop" } as const;
const failed: AttemptExit = {
  version: 1,
  outcome: "failed",
  step: 3,
  failure: { reason: "nan-loss", message: "loss is NaN", retryable: false },
};
const finished = { version: 1, outcome: "finished", step: 9 } as const;
const RESULT = { attempt: 2 } as TrialResult;

const NOTHING: StandingQuery = {
  record: { result: null, attempts: [] },
  wish: { stopped: false, forgivenAttempt: 0 },
  maxFailures: 3,
  ages: { result: 7, exit: 8, claim: 9 },
  lease: undefined,
  pilots: 1,
  grid: null,
  asOf: new Date("2026-11-24T10:00:00Z"),
};
const STOPPED = { stopped: true, forgivenAttempt: 0 };
const open = { result: null, attempts: [attempt(1)] };
const lapsed = { ...lease(1), ageSeconds: 20, expired: true };

/** What the scheduler says of the task of `claimed`, and how many pilots it knows. */
function grid(state: GridTask["state"] | null, livePilots = 0): GridSight {
  const row = { job: "7", task: 2, tasks: 1, name: "qs", shown: "r", host: "gpu1" };
  const rows = state === null ? [] : [["7.2", { ...row, state }] as const];
  return { ageSeconds: 4, rows: new Map(rows), livePilots };
}
const claimed = {
  result: null,
  attempts: [{ ...attempt(1), claim: { ...CLAIM, pilot: "7.2.n" } }],
};
const vanished = { result: null, attempts: [1, 2, 3, 4, 5].map((number) => attempt(number)) };

interface Expected {
  state: string;
  attempt: number | null;
  pilot?: string | null;
  /** `witness age` of each piece of evidence. */
  evidence: string[];
}

describe("a trial is", () => {
  const check = (title: string, facts: Partial<StandingQuery>, expected: Expected) => {
    it(`${expected.state}: ${title}`, () => {
      const standing = trialStanding({ ...NOTHING, ...facts });
      expect({
        state: standing.state,
        attempt: standing.attempt,
        pilot: standing.pilot?.pilot ?? null,
        evidence: standing.evidence.map(({ witness, ageSeconds }) => `${witness} ${ageSeconds}`),
      }).toEqual({ pilot: null, ...expected });
    });
  };

  check(
    "nobody has it and no pilot is there",
    { pilots: 0 },
    { state: "planned", attempt: null, evidence: ["broker 0"] },
  );
  check(
    "nobody has it and no broker answers",
    { pilots: null },
    { state: "planned", attempt: null, evidence: ["broker null"] },
  );
  check(
    "a pilot is there to take it",
    {},
    { state: "queued", attempt: null, evidence: ["broker 0"] },
  );
  check(
    "handed back, it waits for its next attempt",
    { record: { result: null, attempts: [attempt(1, handedBack)] } },
    { state: "queued", attempt: 1, evidence: ["broker 0"] },
  );
  check(
    "its attempt holds a lease",
    { record: open, lease: lease(1, "p1") },
    { state: "running", attempt: 1, pilot: "p1", evidence: ["claim 9", "lease 2"] },
  );
  check(
    "the next attempt holds the lease before its claim is seen",
    { record: open, lease: lease(2, "p2") },
    { state: "running", attempt: 2, pilot: "p2", evidence: ["claim 9", "lease 2"] },
  );
  check(
    "asked to stop, it still holds its lease",
    { record: open, lease: lease(1, "p1"), wish: STOPPED },
    { state: "stopping", attempt: 1, pilot: "p1", evidence: ["claim 9", "lease 2", "intent null"] },
  );
  check(
    "its lease ran out: silence is no failure",
    { record: open, lease: lapsed, pilots: 0 },
    { state: "unreachable", attempt: 1, pilot: "p1", evidence: ["claim 9", "lease 20"] },
  );
  check(
    "claimed and the broker knows no lease",
    { record: open },
    { state: "unreachable", attempt: 1, pilot: "p1", evidence: ["claim 9", "broker 0"] },
  );
  check(
    "claimed and no broker answers",
    { record: open, pilots: null },
    { state: "unreachable", attempt: 1, pilot: "p1", evidence: ["claim 9", "broker null"] },
  );
  check(
    "asked to stop before anyone took it",
    { wish: STOPPED },
    { state: "stopped", attempt: null, evidence: ["intent null"] },
  );
  check(
    "asked to stop and handed back",
    { wish: STOPPED, record: { result: null, attempts: [attempt(1, handedBack)] } },
    { state: "stopped", attempt: 1, evidence: ["intent null", "exit 8"] },
  );
  check(
    "the result is there, whatever a late attempt does",
    { record: { result: RESULT, attempts: [attempt(1), attempt(2, finished), attempt(3)] } },
    { state: "finished", attempt: 2, evidence: ["result 7"] },
  );
  check(
    "its attempt finished and the pilot died before publishing",
    { record: { result: null, attempts: [attempt(1, finished)] } },
    { state: "finished", attempt: 1, evidence: ["exit 8"] },
  );
  check(
    "an exit record says so",
    { record: { result: null, attempts: [attempt(1, failed)] } },
    { state: "failed", attempt: 1, evidence: ["exit 8"] },
  );
  check(
    "a lease of an attempt that is over means nothing",
    { record: { result: null, attempts: [attempt(1, failed)] }, lease: lease(1) },
    { state: "failed", attempt: 1, evidence: ["exit 8"] },
  );
  check(
    "no broker answers, and the scheduler shows its task running",
    { record: claimed, pilots: null, grid: grid("running") },
    {
      state: "running",
      attempt: 1,
      pilot: "7.2.n",
      evidence: ["claim 9", "broker null", "scheduler 4"],
    },
  );
  check(
    "no broker answers, and the scheduler shows its task on the way to a stop",
    { record: claimed, pilots: null, grid: grid("running"), wish: STOPPED },
    {
      state: "stopping",
      attempt: 1,
      pilot: "7.2.n",
      evidence: ["claim 9", "broker null", "scheduler 4", "intent null"],
    },
  );
  check(
    "the scheduler goes on showing the task of a node that died",
    { record: claimed, lease: lapsed, grid: grid("running") },
    {
      state: "unreachable",
      attempt: 1,
      pilot: "7.2.n",
      evidence: ["claim 9", "lease 20", "scheduler 4"],
    },
  );
  check(
    "the scheduler not naming its task is no failure",
    { record: claimed, pilots: null, grid: grid(null) },
    {
      state: "unreachable",
      attempt: 1,
      pilot: "7.2.n",
      evidence: ["claim 9", "broker null", "scheduler 4"],
    },
  );
  check(
    "a pilot that could take it waits at the scheduler",
    { pilots: 0, grid: grid(null, 1) },
    { state: "queued", attempt: null, evidence: ["broker 0", "scheduler 4"] },
  );
  check(
    "neither broker nor scheduler know a pilot",
    { pilots: 0, grid: grid(null, 0) },
    { state: "planned", attempt: null, evidence: ["broker 0", "scheduler 4"] },
  );
  check(
    "five attempts in a row vanished, the last by the broker's word",
    { record: vanished, lease: { ...lapsed, attempt: 5 } },
    { state: "stopped", attempt: 5, pilot: "p1", evidence: ["claim 9", "lease 20"] },
  );
  check(
    "four attempts vanished and nobody speaks for the fifth",
    { record: vanished },
    { state: "unreachable", attempt: 5, pilot: "p1", evidence: ["claim 9", "broker 0"] },
  );
});

it("names host, grid job and the scheduler's word of whoever has a trial", () => {
  const seen = (facts: Partial<StandingQuery>) => trialStanding({ ...NOTHING, ...facts }).pilot;
  const held = { record: claimed, lease: lease(1, "7.2.n"), grid: grid("suspended") };
  expect(seen(held)).toEqual({ pilot: "7.2.n", host: "h", task: "7.2", shown: "r" });
  expect(seen({ ...held, grid: null })).toEqual({
    pilot: "7.2.n",
    host: "h",
    task: null,
    shown: null,
  });
  // The claim of attempt 2 is not seen yet.
  expect(seen({ ...held, lease: lease(2, "7.2.n") })?.host).toBe("gpu1");
});

it("says why a trial is held, and calls nobody's silence a failure", () => {
  const query = { ...NOTHING, record: vanished, lease: { ...lapsed, attempt: 5 } };
  const standing = trialStanding(query);
  expect(standing.held).toBe("5 attempts in a row vanished with their pilots");
  expect(standing.failure).toBeNull();
});

it("says why a trial failed", () => {
  const standing = trialStanding({
    ...NOTHING,
    record: { result: null, attempts: [attempt(1, failed)] },
  });
  expect(standing.failure?.reason).toBe("nan-loss");
});
