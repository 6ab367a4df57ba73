import { spawn } from "node:child_process";
import { randomBytes } from "node:crypto";
import { mkdirSync, openSync } from "node:fs";
import { createServer } from "node:net";
import path from "node:path";
import { setTimeout as delay } from "node:timers/promises";
import { Failure } from "../contract/failure.ts";
import type { BrokerAddress } from "../contract/trial-files.ts";
import { writeFileDurably } from "../files/durable-write.ts";
import { answered, connectBroker } from "../queue/broker-connection.ts";
import { type GenerationPaths } from "../queue/broker-address.ts";

const LOOPBACK = "127.0.0.1";
const START_MILLISECONDS = 15_000;
const POLL_MILLISECONDS = 50;

export interface RedisStart {
  paths: GenerationPaths;
  generation: number;
  /** Path of the redis-server to run. */
  redisServer: string;
}

/**
 * Starts a redis-server of its own session, so that it outlives us, with a password that stands
 * only in 0600 files; it keeps an append-only file in the generation's `data/`. Returns once it
 * answers.
 */
export async function startRedis({
  paths,
  generation,
  redisServer,
}: RedisStart): Promise<BrokerAddress> {
  const port = await freePort();
  const password = randomBytes(24).toString("hex");
  const data = path.join(paths.directory, "data");
  mkdirSync(data, { recursive: true, mode: 0o700 });
  const settings = [
    `bind ${LOOPBACK}`,
    `port ${port}`,
    `requirepass ${password}`,
    `dir "${data.replaceAll(/["\\]/g, String.raw`\$&`)}"`,
    "appendonly yes",
    "appendfsync everysec",
    "aof-load-truncated yes",
    'save ""',
    "maxmemory-policy noeviction",
  ];
  writeFileDurably(paths.configuration, `${settings.join("\n")}\n`, { mode: 0o600 });
  const log = openSync(paths.log, "a", 0o600);
  const server = spawn(redisServer, [paths.configuration], {
    detached: true,
    stdio: ["ignore", log, log],
  });
  const ended = new Promise<string>((resolve) => {
    server.on("error", (error) => resolve(error.message));
    server.on("exit", (status, signal) => resolve(`it ended with ${signal ?? `status ${status}`}`));
  });
  server.unref();
  const address = { version: 1, generation, host: LOOPBACK, port, password, pid: 0 } as const;
  const problem = await Promise.race([ended, answersInTime(address)]);
  if (problem === null && server.pid !== undefined) return { ...address, pid: server.pid };
  server.kill("SIGKILL");
  throw new Failure({
    reason: "broker-unreachable",
    message: `redis-server (${redisServer}) did not start: ${problem}`,
    remedy: `See ${paths.log}.`,
  });
}

/** Null once the server answers to its password; a problem when it did not in time. */
async function answersInTime(address: BrokerAddress): Promise<string | null> {
  const deadline = performance.now() + START_MILLISECONDS;
  const redis = connectBroker(address);
  try {
    while (performance.now() < deadline) {
      const pong = await answered(redis.ping(), START_MILLISECONDS).catch(() => null);
      if (pong === "PONG") return null;
      await delay(POLL_MILLISECONDS);
    }
    return `no answer within ${START_MILLISECONDS / 1000} s`;
  } finally {
    redis.disconnect();
  }
}

/** A port nobody listens on now; should another take it first, the server ends and says so. */
function freePort(): Promise<number> {
  return new Promise((resolve, reject) => {
    const probe = createServer();
    probe.on("error", reject);
    probe.listen(0, LOOPBACK, () => {
      const address = probe.address();
      const port = typeof address === "object" && address ? address.port : 0;
      probe.close(() => resolve(port));
    });
  });
}
