import { chmodSync, statSync, writeFileSync } from "node:fs";
import path from "node:path";
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, it } from "vitest";
import type { BrokerSettings } from "../../../worker/broker/broker-settings.ts";
import { ensureBroker, prepareBroker } from "../../../worker/broker/ensure-broker.ts";
import { generationPaths, newestBroker } from "../../../worker/queue/broker-address.ts";
import { GENERATION_KEY } from "../../../worker/queue/broker-connection.ts";
import { BrokerRoot } from "../../rig/broker-root.ts";
import { temporaryRedis, type TemporaryRedis } from "../../rig/temporary-redis.ts";

const TRIAL = "t000000000001";

let redis: TemporaryRedis;
let site: BrokerRoot;
let passwordFile: string;

beforeAll(async () => {
  redis = await temporaryRedis();
});

afterAll(() => redis.dispose());

beforeEach(async () => {
  site = new BrokerRoot();
  site.sweep.add({ id: TRIAL });
  await site.client(redis.address).flushall();
  passwordFile = path.join(site.root, "password");
  writePassword(redis.address.password);
});

afterEach(() => site.dispose());

function writePassword(password: string): void {
  writeFileSync(passwordFile, `${password}\n`, { mode: 0o600 });
}

function settings(values: Partial<BrokerSettings> = {}): BrokerSettings {
  const url = { host: redis.address.host, port: redis.address.port, passwordFile };
  return { root: site.root, leaseSeconds: 3600, placement: "url", url, ...values };
}

describe("a Redis that exists already", () => {
  it("becomes the broker, and is told of the sweep", async () => {
    await prepareBroker(settings(), site.sweep.name);
    const address = newestBroker(site.root);
    expect(address).toEqual({ ...redis.address, generation: 1, pid: null });
    expect(await site.queue(address ?? redis.address).pull()).toMatchObject({ trial: TRIAL });
    expect(statSync(generationPaths(site.root, 1).address).mode & 0o077).toBe(0);
    expect(await ensureBroker(settings())).toEqual(address);
  });

  it("is rebuilt once by those who see that its data is gone", async () => {
    const first = await ensureBroker(settings());
    const { pilots } = site.queue(first);
    await site.client(first).flushall();
    await expect(pilots.present("pilot-a", 60)).rejects.toMatchObject({
      reason: "broker-unreachable",
    });
    const found = await Promise.all([1, 2, 3].map(() => ensureBroker(settings())));
    expect(found.map(({ generation }) => generation)).toEqual([2, 2, 2]);
    const [second = first] = found;
    expect(await site.queue(second).pull()).toMatchObject({ trial: TRIAL, attempt: 1 });
  });

  it("is taken up anew when the site names another one", async () => {
    await ensureBroker(settings());
    const other = await temporaryRedis();
    try {
      await site.client(other.address).flushall();
      writePassword(other.address.password);
      const url = { host: other.address.host, port: other.address.port, passwordFile };
      const address = await ensureBroker(settings({ url }));
      expect(address).toMatchObject({ generation: 2, port: other.address.port });
    } finally {
      await other.dispose();
    }
  });

  it("is refused while it serves another root, which would rebuild it in turn", async () => {
    await site.client(redis.address).set(GENERATION_KEY, 7);
    await expect(ensureBroker(settings())).rejects.toMatchObject({
      reason: "site-invalid",
      message: expect.stringContaining("another root"),
    });
  });

  it("is refused with Redis's own word for a wrong password", async () => {
    writePassword("not-the-password");
    await expect(ensureBroker(settings())).rejects.toMatchObject({
      reason: "broker-unreachable",
      message: expect.stringMatching(/WRONGPASS/),
    });
    expect(newestBroker(site.root)).toBeNull();
  });

  it("is not asked with a password that others may read", async () => {
    chmodSync(passwordFile, 0o640);
    await expect(ensureBroker(settings())).rejects.toMatchObject({
      reason: "site-invalid",
      message: expect.stringContaining(passwordFile),
    });
  });

  it("is named with its port where nobody listens", async () => {
    const url = { host: "127.0.0.1", port: 1, passwordFile };
    await expect(ensureBroker(settings({ url }))).rejects.toMatchObject({
      reason: "broker-unreachable",
      message: expect.stringMatching(/127\.0\.0\.1:1 .*ECONNREFUSED/),
    });
  });
});
