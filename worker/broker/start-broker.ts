import { cpSync, existsSync, rmSync } from "node:fs";
import path from "node:path";
import { generationPaths, newestBroker } from "../queue/broker-address.ts";
import { findRedisServer } from "../wheels/redis-server.ts";
import type { BrokerSettings } from "./broker-settings.ts";
import { openGeneration } from "./generations.ts";
import { listenAddress, LOOPBACK } from "./listen-address.ts";
import { type RedisServer, startRedis } from "./redis-process.ts";

export interface StartedBroker extends RedisServer {
  /** Sweeps whose queues are in line with their directories. */
  synced: ReadonlySet<string>;
}

/**
 * Starts a redis-server under a claimed generation, with the data of the newest broker that came
 * up, and publishes it. Data that Redis cannot read is left out: the trial directories bring back
 * all of it. `outlivesUs`: in a session of its own; otherwise it ends with our process group.
 */
export async function startBroker(
  settings: BrokerSettings,
  generation: number,
  { outlivesUs }: { outlivesUs: boolean },
): Promise<StartedBroker> {
  const { root } = settings;
  const host =
    settings.placement === "here" ? LOOPBACK : await listenAddress(settings.interface ?? null);
  const paths = generationPaths(root, generation);
  const redisServer = await findRedisServer(settings.redisServer);
  const start = { paths, generation, redisServer, host, outlivesUs };
  // A generation that was not published may hold half a copy: it is never copied from.
  const before = newestBroker(root)?.generation ?? 0;
  const earlier = path.join(generationPaths(root, before).directory, "data");
  const hasData = existsSync(earlier);
  if (hasData) cpSync(earlier, paths.data, { recursive: true });
  const server = await startRedis(start).catch((error: unknown) => {
    if (!hasData) throw error;
    settings.log?.(`starting without earlier data: ${String(error)}`);
    rmSync(paths.data, { recursive: true, force: true });
    return startRedis(start);
  });
  try {
    return { ...server, synced: await openGeneration(settings, server.address) };
  } catch (error) {
    // Nobody knows where it listens.
    server.process.kill("SIGKILL");
    throw error;
  }
}
