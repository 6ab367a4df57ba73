import { randomUUID } from "node:crypto";
import { mkdirSync, rmSync } from "node:fs";
import { setTimeout as delay } from "node:timers/promises";
import { Failure } from "../contract/failure.ts";
import type { BrokerAddress } from "../contract/trial-files.ts";
import { claimDurably, writeFileDurably } from "../files/durable-write.ts";
import { launchedSweeps, readPlan, sweepPaths } from "../files/sweep-directory.ts";
import {
  brokerDirectory,
  claimedGenerations,
  generationPaths,
  newestBroker,
} from "../queue/broker-address.ts";
import { answered, brokerAnswers, GENERATION_KEY, GRACE_KEY } from "../queue/broker-connection.ts";
import { connectBroker } from "../queue/connect-broker.ts";
import { syncSweep } from "../queue/sync-sweep.ts";
import { TrialQueue } from "../queue/trial-queue.ts";
import type { BrokerSettings } from "./broker-settings.ts";

const STARTING_MILLISECONDS = 20_000;
const POLL_MILLISECONDS = 200;

/** What was seen when a broker was looked for. */
export interface BrokerLook {
  /** The newest broker, if it answers; null: start the next generation. */
  running: BrokerAddress | null;
  /** The highest generation that anybody had claimed then, 0 for none. */
  claimed: number;
}

/** Looks for the newest broker; one that somebody is just starting is given time. */
export async function lookForBroker({ root, leaving }: BrokerSettings): Promise<BrokerLook> {
  const deadline = performance.now() + STARTING_MILLISECONDS;
  for (;;) {
    const claimed = claimedGenerations(root).at(-1) ?? 0;
    const newest = newestBroker(root);
    if (newest && (await brokerAnswers(newest))) return { running: newest, claimed };
    const isStarting = claimed > (newest?.generation ?? 0);
    if (!isStarting || leaving?.aborted === true || performance.now() > deadline) {
      return { running: null, claimed };
    }
    await delay(POLL_MILLISECONDS);
  }
}

/**
 * Whether a generation is ours to start: the first to ask. Ask for the one after the highest that
 * was claimed when no broker was found, or two that missed the same broker start one each.
 */
export function claimGeneration(root: string, generation: number): boolean {
  mkdirSync(brokerDirectory(root), { recursive: true, mode: 0o700 });
  const { claim, directory } = generationPaths(root, generation);
  if (!claimDurably(claim, randomUUID())) return false;
  mkdirSync(directory, { recursive: true, mode: 0o700 });
  return true;
}

/**
 * Lets everyone use a claimed generation whose Redis answers: it is told its number and that for
 * one lease nothing is superseded, every sweep's queue is brought in line with the directories, and
 * only then is its address published. Data of generations before the last is removed. Returns the
 * sweeps that were brought in line; one whose directory cannot be read does not hold up the others.
 */
export async function openGeneration(
  { root, leaseSeconds, log }: BrokerSettings,
  address: BrokerAddress,
): Promise<ReadonlySet<string>> {
  const before = newestBroker(root)?.generation ?? 0;
  const redis = connectBroker(address);
  try {
    const [seconds] = await answered(redis.time());
    const graceUntil = (Number(seconds) + leaseSeconds) * 1000;
    await answered(redis.mset(GENERATION_KEY, address.generation, GRACE_KEY, graceUntil));
  } finally {
    redis.disconnect();
  }
  const synced = new Set<string>();
  for (const sweep of launchedSweeps(root)) {
    try {
      await syncOneSweep(address, root, sweep);
      synced.add(sweep);
    } catch (error) {
      if (error instanceof Failure && error.reason === "broker-unreachable") throw error;
      log?.(`sweep ${sweep} is not in line with its directory: ${String(error)}`);
    }
  }
  const paths = generationPaths(root, address.generation);
  writeFileDurably(paths.address, `${JSON.stringify(address)}\n`, { mode: 0o600 });
  for (let old = before - 1; old > 0; old -= 1) {
    rmSync(generationPaths(root, old).directory, { recursive: true, force: true });
  }
  return synced;
}

/** Brings one launched sweep's queues in line with its trial directories. */
export async function syncOneSweep(
  address: BrokerAddress,
  root: string,
  sweep: string,
): Promise<void> {
  const paths = sweepPaths(root, sweep);
  const plan = readPlan(paths);
  if (plan === null) return;
  const queue = new TrialQueue(address, { sweep, leaseSeconds: plan.lease_seconds });
  try {
    await syncSweep(paths, queue);
  } finally {
    await queue.close();
  }
}
