import { describe, expect, it } from "vitest";
import type { AttemptExit, AttemptFailure } from "../../../worker/contract/trial-files.ts";
import type { AttemptRecord } from "../../../worker/files/trial-directory.ts";
import { type Disposition, dispositionOf } from "../../../worker/queue/disposition.ts";

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
    check({ exits: [failedAt(1, killed), null], expected: { kind: "open", attempt: 2 } });
  });

  it("is open even when the user wants it stopped: the attempt must end first", () => {
    check({ exits: [null], stopped: true, expected: { kind: "open", attempt: 1 } });
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
});
