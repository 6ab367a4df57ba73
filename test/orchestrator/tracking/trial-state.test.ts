import { describe, expect, it } from "vitest";
import { trialStanding, type StandingQuery } from "../../../orchestrator/tracking/trial-state.ts";
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
};
const STOPPED = { stopped: true, forgivenAttempt: 0 };
const open = { result: null, attempts: [attempt(1)] };
const lapsed = { ...lease(1), ageSeconds: 20, expired: true };

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
        pilot: standing.pilot,
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
});

it("says why a trial failed", () => {
  const standing = trialStanding({
    ...NOTHING,
    record: { result: null, attempts: [attempt(1, failed)] },
  });
  expect(standing.failure?.reason).toBe("nan-loss");
});
