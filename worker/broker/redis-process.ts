import { type ChildProcess, spawn } from "node:child_process";
import { randomBytes } from "node:crypto";
import { once } from "node:events";
import { closeSync, mkdirSync, openSync } from "node:fs";
import { createServer } from "node:net";
import { setTimeout as delay } from "node:timers/promises";
import { Failure } from "../contract/failure.ts";
import type { BrokerAddress } from "../contract/trial-files.ts";
import { writeFileDurably } from "../files/durable-write.ts";
import { answered } from "../queue/broker-connection.ts";
import { connectBroker } from "../queue/connect-broker.ts";
import { type GenerationPaths } from "../queue/broker-address.ts";

const START_MILLISECONDS = 15_000;
const POLL_MILLISECONDS = 50;

/** Grid Engine tells every process of a job of what is near, and Redis would die of that. */
const HARDENED = `trap "" USR1 USR2; exec "$0" "$1"`;

export interface RedisStart {
  paths: GenerationPaths;
  generation: number;
  /** Path of the redis-server to run. */
  redisServer: string;
  /** The one address that it listens on. */
  host: string;
  /** Run in a session of its own; otherwise it ends with our process group. */
  outlivesUs: boolean;
}

export interface RedisServer {
  address: BrokerAddress;
  process: ChildProcess;
}

/**
 * Starts a redis-server with a new password that stands only in 0600 files; it keeps an append-only
 * file in the generation's `data/`. Returns once it answers; throws Failure `broker-unreachable`.
 */
export async function startRedis({
  paths,
  generation,
  redisServer,
  host,
  outlivesUs,
}: RedisStart): Promise<RedisServer> {
  const port = await freePort(host);
  const password = randomBytes(24).toString("hex");
  mkdirSync(paths.data, { recursive: true, mode: 0o700 });
  const settings = [
    `bind ${host}`,
    `port ${port}`,
    `requirepass ${password}`,
    `dir "${paths.data.replaceAll(/["\\]/g, String.raw`\$&`)}"`,
    "appendonly yes",
    "appendfsync everysec",
    "aof-load-truncated yes",
    'save ""',
    "maxmemory-policy noeviction",
  ];
  writeFileDurably(paths.configuration, `${settings.join("\n")}\n`, { mode: 0o600 });
  const log = openSync(paths.log, "a", 0o600);
  const server = spawn("/bin/sh", ["-c", HARDENED, redisServer, paths.configuration], {
    detached: outlivesUs,
    stdio: ["ignore", log, log],
  });
  closeSync(log);
  const ended = new Promise<string>((resolve) => {
    server.on("error", (error) => resolve(error.message));
    server.on("exit", (status, signal) => resolve(`it ended with ${signal ?? `status ${status}`}`));
  });
  if (outlivesUs) server.unref();
  const pid = server.pid ?? null;
  const address: BrokerAddress = { version: 1, generation, host, port, password, pid };
  const problem = await Promise.race([ended, answersInTime(address)]);
  if (problem === null) return { address, process: server };
  server.kill("SIGKILL");
  throw new Failure({
    reason: "broker-unreachable",
    message: `redis-server (${redisServer}) did not start: ${problem}`,
    remedy: `See ${paths.log}.`,
  });
}

/** Ends a redis-server that runs as our child, with everything on disk; at once if it is silent. */
export async function shutDown({ address, process: server }: RedisServer): Promise<void> {
  if (server.exitCode !== null || server.signalCode !== null) return;
  const ended = once(server, "exit");
  const redis = connectBroker(address);
  redis.shutdown("NOSAVE").catch(() => {});
  try {
    await answered(ended);
  } catch {
    server.kill("SIGKILL");
    await ended;
  } finally {
    redis.disconnect();
  }
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
function freePort(host: string): Promise<number> {
  return new Promise((resolve, reject) => {
    const probe = createServer();
    probe.on("error", reject);
    probe.listen(0, host, () => {
      const address = probe.address();
      const port = typeof address === "object" && address ? address.port : 0;
      probe.close(() => resolve(port));
    });
  });
}
