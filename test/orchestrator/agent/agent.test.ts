import { Duplex, PassThrough } from "node:stream";
import { describe, expect, it } from "vitest";
import { AgentClient } from "../../../orchestrator/agent/agent-client.ts";
import { serveAgent } from "../../../orchestrator/agent/agent-server.ts";
import type { SiteAgent } from "../../../orchestrator/agent/site-agent.ts";
import { Failure } from "../../../worker/contract/failure.ts";

/** Both ends in this process: the client, and what becomes of the server. */
async function connected(agent: Partial<SiteAgent>, banner = "") {
  const input = new PassThrough();
  const output = new PassThrough();
  output.write(banner);
  const served = serveAgent(agent as SiteAgent, { input, output, nonce: "n1" });
  void served.then(() => output.end());
  const noise: string[] = [];
  const client = await AgentClient.greet(Duplex.from({ readable: output, writable: input }), {
    nonce: "n1",
    noise: (line) => noise.push(line),
  });
  return { client, served, noise, output };
}

describe("a call", () => {
  it("is answered with maps, bytes and nulls as they were", async () => {
    const { client } = await connected({
      witnesses: async () => ({ leases: new Map(), live: new Map(), pilots: 2 }),
      readPart: async () => ({ bytes: Buffer.from([0, 255, 10, 13]), start: 3 }),
    });
    expect(await client.call("witnesses", "demo")).toEqual({
      leases: new Map(),
      live: new Map(),
      pilots: 2,
    });
    const file = { trial: "t1", attempt: 1, file: "log", offset: 3 } as const;
    const part = await client.call("readPart", "demo", file);
    expect([...part.bytes]).toEqual([0, 255, 10, 13]);
  });

  it("throws the failure that the far end threw, with its remedy", async () => {
    const failure = new Failure({ reason: "model-missing", message: "no m", remedy: "Put it." });
    const { client } = await connected({ modelDigest: () => Promise.reject(failure) });
    const call = client.call("modelDigest", { directory: "/m", init: "pretrained" });
    await expect(call).rejects.toThrow(failure);
    await expect(call).rejects.toMatchObject({ reason: "model-missing", remedy: "Put it." });
  });

  it("throws a bug of the far end as a bug, not as a failure", async () => {
    const { client } = await connected({ isLaunched: () => Promise.reject(new TypeError("oops")) });
    const call = client.call("isLaunched", "demo");
    await expect(call).rejects.toThrow(/on the login host: TypeError: oops/);
    await expect(call).rejects.not.toBeInstanceOf(Failure);
  });

  it("does not wait for another that takes longer", async () => {
    let finish: (isThere: boolean) => void = () => {};
    const slow = new Promise<boolean>((resolve) => {
      finish = resolve;
    });
    const { client } = await connected({
      isLaunched: (sweep) => (sweep === "slow" ? slow : Promise.resolve(false)),
    });
    const first = client.call("isLaunched", "slow");
    expect(await client.call("isLaunched", "quick")).toBe(false);
    finish(true);
    expect(await first).toBe(true);
  });
});

describe("the line", () => {
  it("drops what profiles print before the agent's greeting", async () => {
    const { client, noise } = await connected(
      { isLaunched: async () => true },
      "Welcome!\nqsweep-agent other\n",
    );
    expect(noise).toEqual(["Welcome!", "qsweep-agent other"]);
    expect(await client.call("isLaunched", "demo")).toBe(true);
  });

  it("that ends without a greeting says what to look at", async () => {
    const output = new PassThrough();
    output.end("bash: node: command not found\n");
    const stream = Duplex.from({ readable: output, writable: new PassThrough() });
    await expect(AgentClient.greet(stream, { nonce: "n1", noise: () => {} })).rejects.toMatchObject(
      { reason: "site-not-ready" },
    );
  });

  it("that is lost fails the calls under way and all later ones as lost", async () => {
    const { client, output } = await connected({ isLaunched: () => new Promise(() => {}) });
    const call = client.call("isLaunched", "demo");
    output.end();
    await expect(call).rejects.toMatchObject({ reason: "ssh-lost" });
    await expect(client.call("isLaunched", "demo")).rejects.toMatchObject({ reason: "ssh-lost" });
  });

  it("that breaks fails the calls under way as lost", async () => {
    const output = new PassThrough();
    output.write("qsweep-agent n1\n");
    const stream = Duplex.from({ readable: output, writable: new PassThrough() });
    const client = await AgentClient.greet(stream, { nonce: "n1", noise: () => {} });
    const call = client.call("isLaunched", "demo");
    stream.destroy(new Error("connection reset"));
    await expect(call).rejects.toMatchObject({ reason: "ssh-lost" });
  });

  it("that is closed lets the far end finish what it has begun", async () => {
    let submitted = false;
    let submit: () => void = () => {};
    const { client, served } = await connected({
      submitPilots: () =>
        new Promise((resolve) => {
          submit = () => {
            submitted = true;
            resolve();
          };
        }),
      isLaunched: async () => true,
    });
    const call = client.call("submitPilots", {} as never, { pool: "p1", pilots: 1 });
    await client.call("isLaunched", "demo");
    client.close();
    submit();
    await served;
    await call.catch(() => {});
    expect(submitted).toBe(true);
  });
});
