import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, it } from "vitest";
import { sweepPaths } from "../../../worker/files/sweep-directory.ts";
import { reconcileQueue } from "../../../worker/queue/reconcile-queue.ts";
import { TrialQueue } from "../../../worker/queue/trial-queue.ts";
import { LaunchedSweep } from "../../rig/launched-sweep.ts";
import { temporaryRedis, type TemporaryRedis } from "../../rig/temporary-redis.ts";

const [WAITING, OPEN, OVER] = ["t000000000001", "t000000000002", "t000000000003"] as const;
const POOL = "p1";

let redis: TemporaryRedis;
let sweep: LaunchedSweep;
let queue: TrialQueue;
let other: TrialQueue;

beforeAll(async () => {
  redis = await temporaryRedis();
});

afterAll(() => redis.dispose());

beforeEach(() => {
  sweep = new LaunchedSweep();
  queue = openQueue(sweep.name);
  other = openQueue(`${sweep.name}.p1`);
});

afterEach(async () => {
  await queue.forget();
  await Promise.all([queue.close(), other.close()]);
  sweep.dispose();
});

function openQueue(name: string): TrialQueue {
  return new TrialQueue(redis.address, { sweep: name, pool: POOL, leaseSeconds: 3600 });
}

function reconcile(rebuild: boolean) {
  return reconcileQueue(sweepPaths(sweep.root, sweep.name), queue, { rebuild });
}

describe("reconciling a sweep's queue", () => {
  it("says what differed from the directories, and the second time that nothing does", async () => {
    for (const id of [WAITING, OPEN, OVER]) sweep.add({ id });
    sweep.claim(OPEN, 1);
    sweep.finish(OVER, 1, 0.5);
    await queue.leases.hold(OVER, 1, "pilot-a");
    expect(await reconcile(false)).toEqual({
      rebuilt: false,
      waiting: 1,
      missing: 1,
      published: [],
      registered: [OPEN],
      released: [OVER],
    });
    expect(await reconcile(false)).toMatchObject({ missing: 0, registered: [], released: [] });
  });

  it("rebuilds what the broker held of the sweep, from its directories alone", async () => {
    sweep.add({ id: WAITING });
    sweep.add({ id: OPEN });
    sweep.claim(OPEN, 2, "pilot-b");
    await queue.add([{ trial: OVER, attempt: 9 }]);
    await queue.leases.hold(OVER, 9, "pilot-a");
    expect(await reconcile(true)).toMatchObject({ rebuilt: true, waiting: 1, registered: [OPEN] });
    const leases = [...(await queue.leases.all())].map(([trial, { pilot }]) => [trial, pilot]);
    expect(leases).toEqual([[OPEN, "pilot-b"]]);
    expect(await queue.pull()).toMatchObject({ trial: WAITING, attempt: 1 });
    expect(await queue.pull()).toBeNull();
  });

  it("leaves other sweeps alone, also one whose name begins with this one's", async () => {
    await other.add([{ trial: WAITING, attempt: 1 }]);
    await other.leases.hold(OPEN, 1, "pilot-a");
    await reconcile(true);
    expect((await other.leases.all()).has(OPEN)).toBe(true);
    expect(await other.pull()).toMatchObject({ trial: WAITING });
  });

  it("may happen while a pilot is at work: it can renew, and nobody may supersede it", async () => {
    sweep.add({ id: OPEN });
    const pilot = openQueue(sweep.name);
    await queue.add([{ trial: OPEN, attempt: 1 }]);
    const pulled = await pilot.pull();
    sweep.claim(OPEN, 1);
    await pilot.leases.hold(OPEN, 1, "pilot-a");
    await reconcile(true);
    expect(await queue.leases.supersede(OPEN, 1)).toBe(false);
    expect(await pilot.leases.hold(OPEN, 1, "pilot-a")).toBe(true);
    await expect(pulled?.acknowledge()).rejects.toThrow();
    expect(await pilot.pull()).toBeNull();
    await pilot.close();
  });
});
