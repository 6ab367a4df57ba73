import { setTimeout as delay } from "node:timers/promises";
import { Failure } from "../contract/failure.ts";
import type { BrokerAddress } from "../contract/trial-files.ts";
import { brokerDirectory, newestBroker } from "../queue/broker-address.ts";
import { brokerAnswers } from "../queue/broker-connection.ts";
import type { BrokerSettings } from "./broker-settings.ts";
import { adoptBroker, isConfigured, reachedBroker } from "./existing-broker.ts";
import { claimGeneration, lookForBroker, syncOneSweep } from "./generations.ts";
import { startBroker } from "./start-broker.ts";

const WAIT_SECONDS = 20;
const POLL_MILLISECONDS = 1_000;
const MAX_STARTS = 3;

/**
 * The address of a site's broker, as a pilot needs it. On placement `here` whoever misses it first
 * claims the next generation and starts it with the data of the one before; on `url` the first to
 * see that its data is gone rebuilds it; everyone else waits for that. The other brokers are only
 * waited for. Throws Failure `broker-unreachable` after `waitSeconds`, or when asked to leave.
 */
export async function ensureBroker(settings: BrokerSettings): Promise<BrokerAddress> {
  const { placement } = settings;
  if (placement === "job" || placement === "login") return awaitedBroker(settings);
  return (await openBroker(settings)).address;
}

/**
 * Makes a site's broker ready for a launched sweep: it is started here, unless it has a grid job of
 * its own, and its queues are in line with the sweep's directories. A broker that has yet to start
 * does the latter by itself.
 */
export async function prepareBroker(settings: BrokerSettings, sweep: string): Promise<void> {
  const isOthers = settings.placement === "job";
  const address = isOthers ? await answeringBroker(settings.root) : null;
  if (isOthers && address === null) return;
  const opened = address ? { address, synced: NONE } : await openBroker(settings);
  if (!opened.synced.has(sweep)) await syncOneSweep(opened.address, settings.root, sweep);
}

interface OpenedBroker {
  address: BrokerAddress;
  /** Sweeps that its start has just brought in line. */
  synced: ReadonlySet<string>;
}

const NONE: ReadonlySet<string> = new Set();

async function openBroker(settings: BrokerSettings): Promise<OpenedBroker> {
  const { root, placement, leaving } = settings;
  const existing = placement === "url" ? await reachedBroker(settings) : null;
  for (let start = 0; start < MAX_STARTS; start += 1) {
    const { running, claimed } = await lookForBroker(settings);
    if (running && (existing === null || isConfigured(running, existing))) {
      return { address: running, synced: NONE };
    }
    if (leaving?.aborted === true) break;
    const generation = claimed + 1;
    if (!claimGeneration(root, generation)) continue;
    return existing
      ? adoptBroker(settings, existing, generation)
      : startBroker(settings, generation, { outlivesUs: true });
  }
  throw notUp(settings);
}

async function awaitedBroker(settings: BrokerSettings): Promise<BrokerAddress> {
  const { root, leaving, waitSeconds = WAIT_SECONDS } = settings;
  const deadline = performance.now() + waitSeconds * 1000;
  for (;;) {
    const address = await answeringBroker(root);
    if (address) return address;
    if (leaving?.aborted === true || performance.now() > deadline) throw notUp(settings);
    await delay(POLL_MILLISECONDS, undefined, leaving && { signal: leaving }).catch(() => {});
  }
}

async function answeringBroker(root: string): Promise<BrokerAddress | null> {
  const newest = newestBroker(root);
  return newest && (await brokerAnswers(newest)) ? newest : null;
}

function notUp({ root }: BrokerSettings): Failure {
  return new Failure({
    reason: "broker-unreachable",
    message: `no broker came up in ${brokerDirectory(root)}`,
    remedy: "See redis.log in the newest folder there, then launch again.",
  });
}
