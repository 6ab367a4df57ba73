import { describe, expect, it } from "vitest";
import type { AttemptExit, AttemptFailure } from "../../../worker/contract/trial-files.ts";
import type { AttemptRecord } from "../../../worker/files/trial-directory.ts";
import { type Disposition, dispositionOf, isHeld } from "../../../worker/queue/disposition.ts";
import type { SeenLease } from "../../../worker/queue/lease-table.ts";

const killed: AttemptFailure = { reason: "trainer-killed", message: "SIGKILL", retryable: true };
const nan: AttemptFailure = { reason: "nan-loss", message: "step 3", retryable: false };

const finished: AttemptExit = { version: 1, outcome: "finished", step: 9 };
const handedBack: AttemptExit = { version: 1, outcome: "handed-back", step: 4, why: "stop" };
const failedAt = (step: number, failure: AttemptFailure): AttemptExit => ({
  version: 1,
  outcome: "failed",
  step,
  failure,
});

const failure = (reason: AttemptFailure["reason"]): AttemptFailure => ({
  reason,
  message: "",
  retryable: true,
});
const open = (attempt: number, isLastTry = false): Disposition => ({
  kind: "open",
  attempt,
  isLastTry,
});

interface Case {
  exits?: (AttemptExit | null)[];
  stopped?: boolean;
  forgivenAttempt?: number;
  expected: Disposition;
}

function check({ exits = [], stopped = false, forgivenAttempt = 0, expected }: Case): void {
  const attempts = exits.map((exit, index): AttemptRecord => {
    return { attempt: index + 1, claim: null, exit };
  });
  const record = { result: null, attempts };
  const wish = { stopped, forgivenAttempt };
  expect(dispositionOf({ record, wish, maxFailures: 3 })).toEqual(expected);
}

describe("a trial without a result", () => {
  it("is waiting for its first attempt when nobody claimed it", () => {
    check({ expected: { kind: "waiting", attempt: 1 } });
  });

  it("is open while its newest attempt has no exit record, however long that is silent", () => {
    check({ exits: [failedAt(1, killed), null], expected: open(2) });
  });

  it("is open even when the user wants it stopped: the attempt must end first", () => {
    check({ exits: [null], stopped: true, expected: open(1) });
  });

  it("goes on after a superseded attempt that never wrote how it ended", () => {
    check({ exits: [null, handedBack], expected: { kind: "waiting", attempt: 3 } });
  });

  it("is to be published when an attempt finished and its pilot died", () => {
    check({ exits: [finished], expected: { kind: "unpublished", attempt: 1 } });
  });

  it("is published even from an attempt that another one superseded", () => {
    check({ exits: [finished, null], expected: { kind: "unpublished", attempt: 1 } });
  });

  it("stays stopped until the user resumes it", () => {
    check({ exits: [handedBack], stopped: true, expected: { kind: "stopped", attempt: 1 } });
    check({ exits: [handedBack], expected: { kind: "waiting", attempt: 2 } });
  });

  it("fails at once for what no retry can mend", () => {
    check({
      exits: [failedAt(3, nan)],
      expected: { kind: "failed", attempt: 1, failure: nan },
    });
  });

  it("fails after three failures in a row that got no further", () => {
    const exits = [failedAt(5, killed), failedAt(5, killed)];
    check({ exits, expected: { kind: "waiting", attempt: 3 } });
    check({
      exits: [...exits, failedAt(2, killed)],
      expected: { kind: "failed", attempt: 3, failure: killed },
    });
  });

  it("is retried as long as its failures get further", () => {
    check({
      exits: [1, 2, 3, 4, 5].map((step) => failedAt(step, killed)),
      expected: { kind: "waiting", attempt: 6 },
    });
  });

  it("is tried again once its failures are forgiven", () => {
    check({
      exits: [failedAt(3, nan)],
      forgivenAttempt: 1,
      expected: { kind: "waiting", attempt: 2 },
    });
  });

  it("counts from anew once an attempt that was handed back got further", () => {
    const exits = [failedAt(5, killed), failedAt(5, killed), { ...handedBack, step: 9 }];
    check({ exits: [...exits, failedAt(9, killed)], expected: { kind: "waiting", attempt: 5 } });
  });

  it.each([
    { reason: "nan-loss", failures: 1 },
    { reason: "slice-too-short", failures: 1 },
    { reason: "out-of-memory", failures: 2 },
    { reason: "trainer-crashed", failures: 3 },
    { reason: "pilot-killed", failures: 3 },
    { reason: "disk-full", failures: 3 },
    { reason: "walltime", failures: 3 },
    { reason: "node-lost", failures: 5 },
  ] as const)("fails at number $failures of $reason in a row", ({ reason, failures }) => {
    const exits = Array.from({ length: failures }, () => failedAt(7, failure(reason)));
    const before = exits.slice(1);
    check({ exits: before, expected: { kind: "waiting", attempt: failures } });
    const expected = { kind: "failed", attempt: failures, failure: failure(reason) } as const;
    check({ exits, expected });
  });

  it("goes on over any number of walltimes as long as each gets further", () => {
    const exits = Array.from({ length: 20 }, (_, n) => failedAt(n + 1, failure("walltime")));
    check({ exits, expected: { kind: "waiting", attempt: 21 } });
  });

  it("does not take lost nodes for failures of the trial's own", () => {
    const lost = failedAt(0, failure("node-lost"));
    const exits = [lost, lost, failedAt(0, killed), failedAt(0, killed), lost, lost];
    check({ exits, expected: { kind: "waiting", attempt: 7 } });
  });

  it("takes a failure that says so itself as final, whatever its reason", () => {
    const final = { ...failure("out-of-memory"), retryable: false };
    check({
      exits: [failedAt(1, final)],
      expected: { kind: "failed", attempt: 1, failure: final },
    });
  });
});

describe("a trial whose attempts vanish with their pilots", () => {
  const vanished = (count: number) => Array<null>(count).fill(null);
  const lease: SeenLease = {
    attempt: 5,
    pilot: "p",
    expires: 0,
    ageSeconds: 90,
    expired: true,
  };

  it("has its last try when five in a row left no exit record, the newest one included", () => {
    check({ exits: vanished(4), expected: open(4) });
    check({ exits: vanished(5), expected: open(5, true) });
  });

  it("counts anew after an attempt that is known to have got further", () => {
    check({ exits: [...vanished(4), failedAt(2, killed), null], expected: open(6) });
    check({ exits: [...vanished(4), failedAt(0, killed), null], expected: open(6, true) });
  });

  it("is not held as long as each attempt leaves a checkpoint further on", () => {
    const attempts = Array.from({ length: 9 }, (_, index): AttemptRecord => {
      return { attempt: index + 1, claim: null, exit: null, checkpointStep: 10 * (index + 1) };
    });
    const query = { wish: { stopped: false, forgivenAttempt: 0 }, maxFailures: 3 };
    expect(dispositionOf({ record: { result: null, attempts }, ...query })).toEqual(open(9));
  });

  it("counts anew once the user says retry", () => {
    check({ exits: vanished(5), forgivenAttempt: 5, expected: open(5) });
  });

  it("is held only when the broker says that the last try is silent too", () => {
    expect(isHeld(open(5, true), lease)).toBe(true);
    expect(isHeld(open(5, true), { ...lease, expired: false })).toBe(false);
    expect(isHeld(open(5, true), { ...lease, attempt: 6 })).toBe(false);
    expect(isHeld(open(5, true), undefined)).toBe(false);
    expect(isHeld(open(5), lease)).toBe(false);
  });
});
