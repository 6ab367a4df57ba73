import { describe, expect, it } from "vitest";
import type { AttemptExit, ResultOutline } from "../../../worker/contract/trial-files.ts";
import type { SpecOutline } from "../../../worker/contract/trial-spec.ts";
import type { SweepRecord } from "../../../worker/files/sweep-directory.ts";
import type { SeenLease } from "../../../worker/queue/lease-table.ts";
import { planSync, type SyncAction } from "../../../worker/queue/sync-sweep.ts";

const TRIAL = "t000000000001";
const handedBack: AttemptExit = { version: 1, outcome: "handed-back", step: 4, why: "walltime" };
const finished: AttemptExit = { version: 1, outcome: "finished", step: 9 };

interface Case {
  exits?: (AttemptExit | null)[];
  hasResult?: boolean;
  lease?: Partial<SeenLease>;
  actions: SyncAction[];
  unsettled: string[];
}

function check({ exits = [], hasResult = false, lease, actions, unsettled }: Case): void {
  const claim = { version: 1, nonce: "n", pilot: "p", host: "h", time: "" } as const;
  const attempts = exits.map((exit, index) => ({ attempt: index + 1, claim, exit }));
  const record = { attempts, result: hasResult ? ({} as ResultOutline) : null };
  const sweep: SweepRecord = {
    plan: {
      version: 1,
      sweep: "s",
      site: "local",
      trials: [TRIAL],
      pilots: 1,
      pools: [{ pool: "p1", pilots: 1, trials: [TRIAL] }],
      lease_seconds: 60,
      max_failures: 3,
    },
    trials: [
      { spec: { id: TRIAL } as SpecOutline, record, wish: { stopped: false, forgivenAttempt: 0 } },
    ],
  };
  const held = { attempt: 1, pilot: "p", expires: 0, ageSeconds: 0, expired: false, ...lease };
  const leases = new Map(lease ? [[TRIAL, held]] : []);
  expect(planSync(sweep, leases)).toEqual({ actions, unsettled });
}

describe("a sync", () => {
  it("hands out a trial nobody claimed", () => {
    const handOut = { trial: TRIAL, attempt: 1 };
    check({ actions: [{ kind: "hand-out", handOut }], unsettled: [TRIAL] });
  });

  it("leaves a leased attempt alone", () => {
    check({ exits: [null], lease: {}, actions: [], unsettled: [TRIAL] });
  });

  it("gives a claim without a lease one lease of time, as after the broker's data is lost", () => {
    const register = { kind: "register", trial: TRIAL, attempt: 1, pilot: "p" } as const;
    check({ exits: [null], actions: [register], unsettled: [TRIAL] });
  });

  it("waits for nobody and hands nothing out where attempt after attempt vanished", () => {
    const exits = [null, null, null, null, null];
    const silent = { attempt: 5, expired: true };
    check({ exits, lease: silent, actions: [], unsettled: [] });
    check({ exits, lease: { attempt: 5 }, actions: [], unsettled: [TRIAL] });
  });

  it("hands out the next attempt when a lease ran out", () => {
    const handOut = { trial: TRIAL, attempt: 2 };
    const lease = { expired: true };
    check({ exits: [null], lease, actions: [{ kind: "hand-out", handOut }], unsettled: [TRIAL] });
  });

  it("releases the lease of an attempt that ended while its pilot died", () => {
    const handOut = { trial: TRIAL, attempt: 2 };
    const actions: SyncAction[] = [
      { kind: "release", trial: TRIAL, attempt: 1 },
      { kind: "hand-out", handOut },
    ];
    check({ exits: [handedBack], lease: {}, actions, unsettled: [TRIAL] });
  });

  it("publishes a finished attempt's result for a pilot that died before it could", () => {
    const publish = { kind: "publish", trial: TRIAL, attempt: 1 } as const;
    check({ exits: [finished], actions: [publish], unsettled: [] });
  });

  it("asks nothing for a finished trial", () => {
    check({ exits: [finished], hasResult: true, actions: [], unsettled: [] });
  });
});
