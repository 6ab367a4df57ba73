import { afterEach, beforeEach, expect, it } from "vitest";
import { claimGeneration } from "../../../worker/broker/generations.ts";
import { startBroker } from "../../../worker/broker/start-broker.ts";
import { brokerAnswers } from "../../../worker/queue/broker-connection.ts";
import { BrokerSession } from "../../../worker/pilot/broker-session.ts";
import { BrokerRoot } from "../../rig/broker-root.ts";

let site: BrokerRoot;
beforeEach(() => {
  site = new BrokerRoot();
});
afterEach(() => site.dispose());

it("a pilot leaves a broker of an old generation, though it answers, for the newest", async () => {
  const settings = { root: site.root, leaseSeconds: 3600, placement: "here" } as const;
  const start = async (generation: number) => {
    claimGeneration(site.root, generation);
    return (await startBroker(settings, generation, { outlivesUs: true })).address;
  };
  const first = await start(1);
  const session = new BrokerSession(settings, { sweep: site.sweep.name, pool: "p1" });
  const generation = () => session.use(async (queue) => queue.generation);
  expect(await generation()).toBe(1);
  await start(2);
  expect(await brokerAnswers(first)).toBe(true);
  expect(await generation()).toBe(2);
  await session.close();
});
