import { mkdirSync, writeFileSync } from "node:fs";
import { afterAll, afterEach, beforeAll, beforeEach, expect, it } from "vitest";
import { LocalSweepAccess } from "../../../orchestrator/adapters/local-sweep-access.ts";
import { generationPaths } from "../../../worker/queue/broker-address.ts";
import { GENERATION_KEY } from "../../../worker/queue/broker-connection.ts";
import { connectBroker } from "../../../worker/queue/connect-broker.ts";
import { TrialQueue } from "../../../worker/queue/trial-queue.ts";
import { LaunchedSweep, live } from "../../rig/launched-sweep.ts";
import { type TemporaryRedis, temporaryRedis } from "../../rig/temporary-redis.ts";

const ID = "t000000000001";
let redis: TemporaryRedis;
let sweep: LaunchedSweep;
let access: LocalSweepAccess;
let pilot: TrialQueue;

beforeAll(async () => {
  redis = await temporaryRedis();
  const connection = connectBroker(redis.address);
  await connection.set(GENERATION_KEY, redis.address.generation);
  connection.disconnect();
});
afterAll(() => redis.dispose());
beforeEach(() => {
  sweep = new LaunchedSweep();
  sweep.add({ id: ID });
  access = new LocalSweepAccess(sweep.root, sweep.name);
  pilot = new TrialQueue(redis.address, { sweep: sweep.name, pool: "p1", leaseSeconds: 15 });
});
afterEach(async () => {
  await access.close();
  await pilot.close();
  sweep.dispose();
});

function writeAddress(generation: number): void {
  const paths = generationPaths(sweep.root, generation);
  mkdirSync(paths.directory, { recursive: true });
  writeFileSync(paths.claim, "");
  writeFileSync(paths.address, JSON.stringify({ ...redis.address, generation }));
}

it("hears from the broker of leases, of what pilots show, and of pilots that pull", async () => {
  writeAddress(redis.address.generation);
  await pilot.leases.hold(ID, 1, "pilot-a");
  await pilot.show(ID, live({ step: 7 }));
  await pilot.add([{ trial: ID, attempt: 1 }]);
  await pilot.pull();
  const witnesses = await access.witnesses();
  expect(witnesses?.leases.get(ID)).toMatchObject({ attempt: 1, pilot: "pilot-a", expired: false });
  expect(witnesses?.live.get(ID)?.step).toBe(7);
  expect(witnesses?.pilots).toBe(1);
});

it("counts no pilot where none pulls", async () => {
  writeAddress(redis.address.generation);
  expect((await access.witnesses())?.pilots).toBe(0);
});

it("does not believe a broker of another generation than the newest", async () => {
  writeAddress(redis.address.generation + 1);
  expect(await access.witnesses()).toBeNull();
});

it("dates the file that a state rests on: the claim, the exit record, then the result", async () => {
  const ages = async () => (await access.read()).fileAges.get(ID);
  const known = expect.any(Number) as number;
  sweep.claim(ID, 1);
  sweep.age(ID, 1, 600);
  // The clock of a file system is coarse.
  expect((await ages())?.claim).toBeGreaterThan(599);
  sweep.fail(ID, 1);
  expect(await ages()).toEqual({ result: null, exit: known, claim: null });
  sweep.finish(ID, 2, 0.5);
  expect(await ages()).toEqual({ result: known, exit: null, claim: null });
});

it("reads a file from an offset, from its end, and nothing beyond it", async () => {
  sweep.claim(ID, 1);
  sweep.append(ID, 1, "log", "0123456789");
  const read = async (offset: number, attempt = 1) => {
    const { bytes, start } = await access.readPart({ trial: ID, attempt, file: "log", offset });
    return [bytes.toString(), start];
  };
  expect(await read(3)).toEqual(["3456789", 3]);
  expect(await read(-2)).toEqual(["89", 8]);
  expect(await read(-20)).toEqual(["0123456789", 0]);
  expect(await read(99)).toEqual(["", 10]);
  expect(await read(0, 2)).toEqual(["", 0]);
});
