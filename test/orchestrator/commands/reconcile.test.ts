import { afterEach, beforeEach, expect, it } from "vitest";
import { startBroker } from "../../../worker/broker/start-broker.ts";
import { claimGeneration } from "../../../worker/broker/generations.ts";
import { BrokerRoot } from "../../rig/broker-root.ts";
import { runOnSweep } from "./run-on-sweep.ts";

const [WAITING, OPEN] = ["t000000000001", "t000000000002"] as const;

let site: BrokerRoot;
beforeEach(() => {
  site = new BrokerRoot();
});
afterEach(() => site.dispose());

const run = (...words: string[]) => runOnSweep(site.sweep.open, ["reconcile", "scenes", ...words]);

async function startSiteBroker() {
  claimGeneration(site.root, 1);
  const settings = { root: site.root, leaseSeconds: 3600, placement: "here" } as const;
  return (await startBroker(settings, 1, { outlivesUs: true })).address;
}

it("says that there is nothing to bring in line while no broker answers", async () => {
  const { exitCode, stdout } = await run();
  expect([exitCode, stdout]).toEqual([0, expect.stringContaining("no broker answers")]);
});

it("adds what the queue lacks, and says so", async () => {
  await startSiteBroker();
  site.sweep.add({ id: WAITING });
  expect((await run()).stdout).toContain("1 waiting trial added to the queue");
  expect((await run()).stdout).toContain("nothing differed");
});

it("rebuilds from the directories after the broker was told something else", async () => {
  const address = await startSiteBroker();
  site.sweep.add({ id: WAITING });
  site.sweep.add({ id: OPEN });
  site.sweep.claim(OPEN, 1);
  const queue = site.queue(address);
  await queue.add([{ trial: OPEN, attempt: 7 }]);
  const { stdout } = await run("--rebuild", "--json");
  expect(JSON.parse(stdout)).toMatchObject({
    sweep: "scenes",
    queue: { rebuilt: true, waiting: 1, registered: [OPEN] },
  });
  expect(await queue.pull()).toMatchObject({ trial: WAITING, attempt: 1 });
});
