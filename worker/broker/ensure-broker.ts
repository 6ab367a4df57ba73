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
 * see that its data is gone rebuilds it; everyone else waits for that. A broker on `login` is only
 * waited for, and one with a grid job for half of the time: its host may be lost, and then no task
 * follows it, so a pilot stands in. Throws Failure `broker-unreachable` after `waitSeconds`, or
 * when asked to leave.
 */
export async function ensureBroker(settings: BrokerSettings): Promise<BrokerAddress> {
  const { placement, waitSeconds = WAIT_SECONDS } = settings;
  switch (placement) {
    case "login": {
      const address = await awaitedBroker(settings, waitSeconds);
      if (address === null) throw notUp(settings);
      return address;
    }
    case "job":
      return (await awaitedBroker(settings, waitSeconds / 2)) ?? standIn(settings);
    case "here":
    case "url":
      return (await openBroker(settings)).address;
    default:
      return placement satisfies never;
  }
}

/** Starts the broker here, as long as our own grid job lasts; its own takes over after that. */
async function standIn(settings: BrokerSettings): Promise<BrokerAddress> {
  for (let start = 0; start < MAX_STARTS && settings.leaving?.aborted !== true; start += 1) {
    const { running, claimed } = await lookForBroker(settings);
    if (running) return running;
    if (!claimGeneration(settings.root, claimed + 1)) continue;
    return (await startBroker(settings, claimed + 1, { outlivesUs: false })).address;
  }
  throw notUp(settings);
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

/** Null where none answered in that time, or when asked to leave. */
async function awaitedBroker(
  { root, leaving }: BrokerSettings,
  seconds: number,
): Promise<BrokerAddress | null> {
  const deadline = performance.now() + seconds * 1000;
  for (;;) {
    const address = await answeringBroker(root);
    if (address) return address;
    if (leaving?.aborted === true || performance.now() > deadline) return null;
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
