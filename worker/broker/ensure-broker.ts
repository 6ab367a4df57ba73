import { randomUUID } from "node:crypto";
import { cpSync, existsSync, mkdirSync, readFileSync, rmSync } from "node:fs";
import path from "node:path";
import { setTimeout as delay } from "node:timers/promises";
import { Failure } from "../contract/failure.ts";
import type { BrokerAddress } from "../contract/trial-files.ts";
import { createFileDurably, writeFileDurably } from "../files/durable-write.ts";
import { launchedSweeps, readPlan, sweepPaths } from "../files/sweep-directory.ts";
import {
  brokerDirectory,
  claimedGenerations,
  generationPaths,
  newestBroker,
} from "../queue/broker-address.ts";
import {
  answered,
  brokerAnswers,
  connectBroker,
  GENERATION_KEY,
  GRACE_KEY,
} from "../queue/broker-connection.ts";
import { syncSweep } from "../queue/sync-sweep.ts";
import { TrialQueue } from "../queue/trial-queue.ts";
import { findRedisServer } from "../wheels/redis-server.ts";
import { startRedis } from "./redis-process.ts";

const STARTING_MILLISECONDS = 20_000;
const POLL_MILLISECONDS = 200;
const MAX_STARTS = 3;

export interface BrokerSettings {
  root: string;
  /** Silence while the broker was away supersedes nothing for this long after its start. */
  leaseSeconds: number;
  /** A configured redis-server; otherwise one is looked for. */
  redisServer?: string;
}

/**
 * The address of a site's broker, started if none answers. Whoever misses it first claims the next
 * generation and starts it with the data of the one before; everyone else waits for that one.
 * Queues are brought in line with the trial directories before the address is published.
 */
export async function ensureBroker(settings: BrokerSettings): Promise<BrokerAddress> {
  mkdirSync(brokerDirectory(settings.root), { recursive: true, mode: 0o700 });
  for (let start = 0; start < MAX_STARTS; start += 1) {
    const running = await runningBroker(settings.root);
    if (running) return running;
    const generation = (claimedGenerations(settings.root).at(-1) ?? 0) + 1;
    if (claimGeneration(settings.root, generation)) return startBroker(settings, generation);
  }
  throw new Failure({
    reason: "broker-unreachable",
    message: `no broker came up in ${brokerDirectory(settings.root)}`,
    remedy: "See redis.log in the newest folder there, then launch again.",
  });
}

/** The newest broker if it answers; one that is just being started is given time. */
async function runningBroker(root: string): Promise<BrokerAddress | null> {
  const deadline = performance.now() + STARTING_MILLISECONDS;
  for (;;) {
    const newest = newestBroker(root);
    if (newest && (await brokerAnswers(newest))) return newest;
    const isStarting = (claimedGenerations(root).at(-1) ?? 0) > (newest?.generation ?? 0);
    if (!isStarting || performance.now() > deadline) return null;
    await delay(POLL_MILLISECONDS);
  }
}

function claimGeneration(root: string, generation: number): boolean {
  const nonce = randomUUID();
  const { claim } = generationPaths(root, generation);
  createFileDurably(claim, nonce);
  return readFileSync(claim, "utf8") === nonce;
}

async function startBroker(settings: BrokerSettings, generation: number): Promise<BrokerAddress> {
  const { root, leaseSeconds } = settings;
  const paths = generationPaths(root, generation);
  const before = newestBroker(root)?.generation ?? 0;
  mkdirSync(paths.directory, { recursive: true, mode: 0o700 });
  const data = path.join(generationPaths(root, before).directory, "data");
  if (existsSync(data)) cpSync(data, path.join(paths.directory, "data"), { recursive: true });
  const redisServer = await findRedisServer(settings.redisServer);
  const address = await startRedis({ paths, generation, redisServer });
  const redis = connectBroker(address);
  try {
    const [seconds] = await answered(redis.time());
    const graceUntil = (Number(seconds) + leaseSeconds) * 1000;
    await answered(redis.mset(GENERATION_KEY, generation, GRACE_KEY, graceUntil));
  } finally {
    redis.disconnect();
  }
  for (const sweep of launchedSweeps(root)) await syncOneSweep(address, root, sweep);
  writeFileDurably(paths.address, `${JSON.stringify(address)}\n`, { mode: 0o600 });
  for (let old = before - 1; old > 0; old -= 1) {
    rmSync(generationPaths(root, old).directory, { recursive: true, force: true });
  }
  return address;
}

/** Brings one launched sweep's queue in line with its trial directories. */
export async function syncOneSweep(
  address: BrokerAddress,
  root: string,
  sweep: string,
): Promise<void> {
  const paths = sweepPaths(root, sweep);
  const plan = readPlan(paths);
  if (plan === null) return;
  const queue = new TrialQueue(address, sweep, plan.lease_seconds);
  try {
    await syncSweep(paths, queue);
  } finally {
    await queue.close();
  }
}
