import { afterAll, afterEach, beforeAll, describe, expect, it } from "vitest";
import { answered, GRACE_KEY } from "../../../worker/queue/broker-connection.ts";
import { connectBroker } from "../../../worker/queue/connect-broker.ts";
import { TrialQueue } from "../../../worker/queue/trial-queue.ts";
import { temporaryRedis, type TemporaryRedis } from "../../rig/temporary-redis.ts";
import { waitFor } from "../../rig/wait-for.ts";

const TRIAL = "t000000000001";
const LONG_SECONDS = 3600;
/** Over as soon as the broker's clock has moved on. */
const OVER_SECONDS = 0.001;

let redis: TemporaryRedis;
let opened: TrialQueue[] = [];
let sweeps = 0;

beforeAll(async () => {
  redis = await temporaryRedis();
});

afterAll(() => redis.dispose());

afterEach(async () => {
  await Promise.all(opened.map((queue) => queue.close()));
  opened = [];
});

/** Queues of one new sweep, each with its own connections. */
function openQueues(count: number, leaseSeconds = LONG_SECONDS): TrialQueue[] {
  sweeps += 1;
  const name = `sweep-${sweeps}`;
  const queues = Array.from(
    { length: count },
    () => new TrialQueue(redis.address, { sweep: name, pool: "p1", leaseSeconds }),
  );
  opened.push(...queues);
  return queues;
}

/** Another pool of the sweep that was opened last. */
function openQueue(pool: string): TrialQueue {
  const settings = { sweep: `sweep-${sweeps}`, pool, leaseSeconds: LONG_SECONDS };
  const queue = new TrialQueue(redis.address, settings);
  opened.push(queue);
  return queue;
}

describe("hand-out", () => {
  it("gives each entry to one puller, in the order added", async () => {
    const [first, second] = openQueues(2) as [TrialQueue, TrialQueue];
    await first.add([1, 2, 3].map((attempt) => ({ trial: TRIAL, attempt })));
    const pulled = [await first.pull(), await second.pull(), await first.pull()];
    expect(pulled.map((entry) => entry?.attempt)).toEqual([1, 2, 3]);
    expect(await second.pull()).toBeNull();
  });

  it("gives each pool its own trials", async () => {
    const [first] = openQueues(1) as [TrialQueue];
    const second = openQueue("p2");
    await first.add([{ trial: TRIAL, attempt: 1 }], "p2");
    expect(await first.pull()).toBeNull();
    expect(await second.pull()).toMatchObject({ trial: TRIAL, attempt: 1 });
  });

  it("counts the pilots of the pools asked for", async () => {
    const [first] = openQueues(1) as [TrialQueue];
    const second = openQueue("p2");
    await Promise.all([first.pull(), second.pull()]);
    expect(await first.connectedPilots(["p1"])).toBe(1);
    expect(await first.connectedPilots(["p1", "p2", "p3"])).toBe(2);
  });

  it("stores an entry once however often it is added, until it is acknowledged", async () => {
    const [queue] = openQueues(1) as [TrialQueue];
    const entry = { trial: TRIAL, attempt: 1 };
    await queue.add([entry, entry]);
    await queue.add([entry]);
    const pulled = await queue.pull();
    await queue.add([entry]);
    expect(await queue.pull()).toBeNull();
    await pulled?.acknowledge();
    await queue.add([entry]);
    expect(await queue.pull()).toMatchObject(entry);
  });
});

describe("leases", () => {
  it("fence a lower attempt from the moment a higher one is held", async () => {
    const [{ leases }] = openQueues(1) as [TrialQueue];
    expect(await leases.hold(TRIAL, 1, "a")).toBe(true);
    expect(await leases.hold(TRIAL, 2, "b")).toBe(true);
    expect(await leases.hold(TRIAL, 1, "a")).toBe(false);
    expect((await leases.all()).get(TRIAL)).toMatchObject({ attempt: 2, pilot: "b" });
  });

  it("are not superseded while they last", async () => {
    const [{ leases }] = openQueues(1) as [TrialQueue];
    await leases.hold(TRIAL, 1, "a");
    expect(await leases.supersede(TRIAL, 1)).toBe(false);
    expect(await leases.hold(TRIAL, 1, "a")).toBe(true);
  });

  it("are superseded once after silence, and the silent holder cannot renew", async () => {
    const [{ leases }] = openQueues(1, OVER_SECONDS) as [TrialQueue];
    await leases.hold(TRIAL, 1, "a");
    await waitFor("the lease to be over", async () => (await leases.all()).get(TRIAL)?.expired);
    expect(await leases.supersede(TRIAL, 1)).toBe(true);
    expect(await leases.hold(TRIAL, 1, "a")).toBe(false);
    expect(await leases.hold(TRIAL, 2, "b")).toBe(true);
    expect(await leases.supersede(TRIAL, 1)).toBe(false);
  });

  it("are not superseded by silence while the broker's grace lasts", async () => {
    const [{ leases }] = openQueues(1, OVER_SECONDS) as [TrialQueue];
    const client = connectBroker(redis.address);
    await leases.hold(TRIAL, 1, "a");
    await waitFor("the lease to be over", async () => (await leases.all()).get(TRIAL)?.expired);
    await client.set(GRACE_KEY, Date.now() + LONG_SECONDS * 1000);
    expect(await leases.supersede(TRIAL, 1)).toBe(false);
    await client.del(GRACE_KEY);
    expect(await leases.supersede(TRIAL, 1)).toBe(true);
    client.disconnect();
  });

  it("are released by their own attempt only", async () => {
    const [{ leases }] = openQueues(1) as [TrialQueue];
    await leases.hold(TRIAL, 2, "b");
    await leases.release(TRIAL, 1);
    expect((await leases.all()).has(TRIAL)).toBe(true);
    await leases.release(TRIAL, 2);
    expect((await leases.all()).has(TRIAL)).toBe(false);
  });
});

it("a pilot that leaves is told how many others are there", async () => {
  const [{ pilots }] = openQueues(1) as [TrialQueue];
  await pilots.present("a", LONG_SECONDS);
  await pilots.present("b", LONG_SECONDS);
  expect(await pilots.leave("a")).toBe(1);
  expect(await pilots.leave("b")).toBe(0);
});

it("calls under way when the connection is closed fail by the same name", async () => {
  const client = connectBroker(redis.address);
  await client.ping();
  const asked = expect(answered(client.blpop("nothing", 0))).rejects.toMatchObject({
    reason: "broker-unreachable",
  });
  client.disconnect();
  await asked;
});

it("calls on a broker that is gone fail by name instead of waiting for ever", async () => {
  const gone = await temporaryRedis();
  const queue = new TrialQueue(gone.address, { sweep: "sweep", leaseSeconds: LONG_SECONDS });
  await gone.dispose();
  await expect(queue.liveTrials()).rejects.toMatchObject({ reason: "broker-unreachable" });
  await queue.close();
}, 30_000);
