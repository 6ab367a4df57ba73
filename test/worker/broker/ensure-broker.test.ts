import { mkdirSync, readdirSync, readFileSync, rmSync, statSync, writeFileSync } from "node:fs";
import { networkInterfaces } from "node:os";
import path from "node:path";
import { afterEach, beforeEach, describe, expect, it } from "vitest";
import type { BrokerSettings } from "../../../worker/broker/broker-settings.ts";
import { ensureBroker, prepareBroker } from "../../../worker/broker/ensure-broker.ts";
import { claimGeneration } from "../../../worker/broker/generations.ts";
import { startBroker } from "../../../worker/broker/start-broker.ts";
import type { BrokerAddress } from "../../../worker/contract/trial-files.ts";
import {
  brokerDirectory,
  generationPaths,
  newestBroker,
} from "../../../worker/queue/broker-address.ts";
import { brokerAnswers, GRACE_KEY } from "../../../worker/queue/broker-connection.ts";
import { BrokerRoot } from "../../rig/broker-root.ts";
import { kill } from "../../rig/local-site.ts";
import { waitFor } from "../../rig/wait-for.ts";

const LEASE_SECONDS = 3600;
const [T1, T2, T3] = ["t000000000001", "t000000000002", "t000000000003"] as const;

/** A network of this machine that other machines may be on. */
const outer = Object.entries(networkInterfaces())
  .flatMap(([name, found = []]) => found.map((one) => ({ ...one, name })))
  .find(({ internal, family }) => !internal && family === "IPv4");

let site: BrokerRoot;

beforeEach(() => {
  site = new BrokerRoot();
});

afterEach(() => site.dispose());

function settings(values: Partial<BrokerSettings> = {}): BrokerSettings {
  return { root: site.root, leaseSeconds: LEASE_SECONDS, placement: "here", ...values };
}

async function killBroker(address: BrokerAddress): Promise<void> {
  if (address.pid !== null) kill(address.pid);
  await waitFor("the broker to be gone", async () => !(await brokerAnswers(address)));
}

describe("a broker that anybody may start", () => {
  it("is started with the waiting trials handed out, and found from then on", async () => {
    site.sweep.add({ id: T1 });
    const address = await ensureBroker(settings());
    expect(address).toMatchObject({ generation: 1, host: "127.0.0.1" });
    expect(await site.queue(address).pull()).toMatchObject({ trial: T1, attempt: 1 });
    expect(await ensureBroker(settings())).toEqual(address);
  });

  it("is started once by any number who miss it at the same time", async () => {
    const found = await Promise.all([1, 2, 3].map(() => ensureBroker(settings())));
    expect(new Set(found.map(({ pid }) => pid)).size).toBe(1);
    expect(new Set(found.map(({ generation }) => generation))).toEqual(new Set([1]));
  });

  it("comes back after a kill as the next generation, with data and a lease of grace", async () => {
    site.sweep.add({ id: T1 });
    site.sweep.claim(T1, 1, "pilot-a");
    const first = await ensureBroker(settings());
    const view = {
      version: 1,
      attempt: 1,
      pilot: "pilot-a",
      host: "h",
      phase: "starting",
    } as const;
    const unknown = { epoch: null, epochs: null, step: 7, steps: null, loss: null, cider: null };
    const queue = site.queue(first);
    await queue.show(T1, { ...view, ...unknown, eta_seconds: null });
    // What the append-only file holds: Redis writes it out once a second.
    await waitFor("the view to be on disk", () => fileHolds(first.generation, '"step":7'));
    await killBroker(first);
    const second = await ensureBroker(settings());
    expect(second.generation).toBe(2);
    expect((await site.queue(second).liveTrials()).get(T1)).toMatchObject({ step: 7 });
    expect(await site.queue(second, 0.001).leases.supersede(T1, 1)).toBe(false);
    const [seconds] = await site.client(second).time();
    expect(Number(await site.client(second).get(GRACE_KEY))).toBeGreaterThan(
      Number(seconds) * 1000,
    );
  });

  it("that lost its data is rebuilt from the directories, with open claims as leased", async () => {
    site.sweep.add({ id: T1 });
    site.sweep.add({ id: T2 });
    site.sweep.add({ id: T3 });
    site.sweep.claim(T1, 2, "pilot-a");
    site.sweep.finish(T2, 1, 0.5);
    await killBroker(await ensureBroker(settings()));
    rmSync(generationPaths(site.root, 1).data, { recursive: true });
    const queue = site.queue(await ensureBroker(settings()));
    expect(await queue.leases.all()).toEqual(
      new Map([[T1, expect.objectContaining({ attempt: 2, pilot: "pilot-a", expired: false })]]),
    );
    expect(await queue.pull()).toMatchObject({ trial: T3, attempt: 1 });
    expect(await queue.pull()).toBeNull();
  });

  it("starts without data that Redis cannot read", async () => {
    site.sweep.add({ id: T1 });
    await killBroker(await ensureBroker(settings()));
    damageFiles(generationPaths(site.root, 1).data);
    const second = await ensureBroker(settings());
    expect(second.generation).toBe(2);
    expect(await site.queue(second).pull()).toMatchObject({ trial: T1, attempt: 1 });
  });

  it("takes its data from the last one that came up, not from a start that died", async () => {
    const first = await ensureBroker(settings());
    await site.client(first).set("kept", "1");
    await waitFor("it to be on disk", () => fileHolds(first.generation, "kept"));
    await killBroker(first);
    claimGeneration(site.root, 2);
    mkdirSync(generationPaths(site.root, 2).data);
    writeFileSync(path.join(generationPaths(site.root, 2).data, "appendonly.aof"), "half");
    claimGeneration(site.root, 3);
    const { address } = await startBroker(settings(), 3, { outlivesUs: true });
    expect(await site.client(address).get("kept")).toBe("1");
  });

  it("is not held up by a sweep whose directory cannot be read", async () => {
    site.sweep.add({ id: T1 });
    const damaged = path.join(site.root, "sweeps", "damaged");
    mkdirSync(damaged);
    writeFileSync(path.join(damaged, "plan.json"), "{");
    const lines: string[] = [];
    const address = await ensureBroker(settings({ log: (line) => lines.push(line) }));
    expect(await site.queue(address).pull()).toMatchObject({ trial: T1 });
    expect(lines).toEqual([expect.stringContaining("damaged")]);
  });
});

describe("a broker of an old generation", () => {
  it("is not followed when it comes back", async () => {
    const first = await ensureBroker(settings());
    if (first.pid === null) throw new Error("not started by us");
    process.kill(first.pid, "SIGSTOP");
    const second = await ensureBroker(settings());
    process.kill(first.pid, "SIGCONT");
    expect(second.generation).toBe(2);
    await waitFor("the first to answer again", () => brokerAnswers(first));
    expect(await ensureBroker(settings())).toEqual(second);
  }, 60_000);

  it("is refused where it is found at the address of a later one", async () => {
    const address = await ensureBroker(settings());
    const later = { ...address, generation: 2 };
    expect(await brokerAnswers(later)).toBe(false);
    await expect(site.queue(later).pilots.present("pilot-a", 60)).rejects.toMatchObject({
      reason: "broker-unreachable",
    });
  });
});

describe("a broker that others start", () => {
  it.each(["job", "login"] as const)(
    "on placement %s is waited for by pilots",
    async (placement) => {
      const waiting = ensureBroker(settings({ placement, waitSeconds: 60 }));
      const started = await ensureBroker(settings());
      expect(await waiting).toEqual(started);
    },
  );

  it("on placement login is waited for no longer than asked", async () => {
    const waiting = ensureBroker(settings({ placement: "login", waitSeconds: 0 }));
    await expect(waiting).rejects.toMatchObject({ reason: "broker-unreachable" });
    expect(newestBroker(site.root)).toBeNull();
  });

  // A broker that is not on loopback needs a machine with a network.
  it.skipIf(outer === undefined)(
    "on placement job has one pilot stand in, although several miss it",
    async () => {
      const job = settings({ placement: "job", waitSeconds: 0, interface: outer?.name ?? "" });
      const [address, ...others] = await Promise.all([1, 2, 3].map(() => ensureBroker(job)));
      expect(others).toEqual([address, address]);
      expect(newestBroker(site.root)).toEqual(address);
    },
  );

  it("is not waited for by a pilot that is to leave", async () => {
    const leaving = new AbortController();
    const waiting = ensureBroker(
      settings({ placement: "job", waitSeconds: 3600, leaving: leaving.signal }),
    );
    leaving.abort();
    await expect(waiting).rejects.toMatchObject({ reason: "broker-unreachable" });
  });
});

describe("preparing a site for a sweep", () => {
  it("leaves a broker with a grid job of its own to that job", async () => {
    await prepareBroker(settings({ placement: "job" }), site.sweep.name);
    expect(newestBroker(site.root)).toBeNull();
  });

  it.each(["job", "here"] as const)(
    "on placement %s tells a broker that answers of new trials",
    async (placement) => {
      const address = await ensureBroker(settings());
      site.sweep.add({ id: T1 });
      await prepareBroker(settings({ placement }), site.sweep.name);
      expect(await site.queue(address).pull()).toMatchObject({ trial: T1 });
    },
  );

  // A machine may have no network but loopback, which is never listened on for others.
  it.skipIf(outer === undefined)(
    "starts the broker of a login host on the interface asked for, and on no other",
    async () => {
      site.sweep.add({ id: T1 });
      const login = settings({ placement: "login", interface: outer?.name ?? "" });
      await prepareBroker(login, site.sweep.name);
      const address = await ensureBroker(login);
      expect(address.host).toBe(outer?.address);
      expect(await site.queue(address).pull()).toMatchObject({ trial: T1 });
      expect(await brokerAnswers({ ...address, host: "127.0.0.1" })).toBe(false);
    },
  );

  it("says so where the sweep cannot be read", async () => {
    site.sweep.add({ id: T1 });
    rmSync(path.join(site.paths.trials, T1, "spec.json"));
    await expect(prepareBroker(settings(), site.sweep.name)).rejects.toThrow(/spec\.json/);
  });
});

it("its password can be read by its owner alone", async () => {
  await ensureBroker(settings());
  const files = readdirSync(brokerDirectory(site.root), { recursive: true, encoding: "utf8" });
  const secret = files.filter((file) => /broker\.json|redis\.conf/.test(file));
  expect(secret).toHaveLength(2);
  for (const file of secret) {
    expect(statSync(path.join(brokerDirectory(site.root), file)).mode & 0o077).toBe(0);
  }
  expect(statSync(generationPaths(site.root, 1).directory).mode & 0o077).toBe(0);
});

function filesIn(directory: string): string[] {
  return readdirSync(directory, { recursive: true, encoding: "utf8" })
    .map((name) => path.join(directory, name))
    .filter((file) => statSync(file).isFile());
}

function fileHolds(generation: number, text: string): boolean {
  const { data } = generationPaths(site.root, generation);
  return filesIn(data).some((file) => readFileSync(file, "utf8").includes(text));
}

function damageFiles(directory: string): void {
  for (const file of filesIn(directory)) writeFileSync(file, "no such command\r\n");
}
