import { mkdir, mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import path from "node:path";
import { startRedis } from "../../worker/broker/redis-process.ts";
import type { BrokerAddress } from "../../worker/contract/trial-files.ts";
import { generationPaths } from "../../worker/queue/broker-address.ts";
import { GENERATION_KEY } from "../../worker/queue/broker-connection.ts";
import { connectBroker } from "../../worker/queue/connect-broker.ts";
import { findRedisServer } from "../../worker/wheels/redis-server.ts";

/** A real Redis of its own. */
export interface TemporaryRedis {
  address: BrokerAddress;
  dispose(): Promise<void>;
}

export async function temporaryRedis(): Promise<TemporaryRedis> {
  const root = await mkdtemp(path.join(tmpdir(), "qsweep-redis-"));
  const paths = generationPaths(root, 1);
  const redisServer = await findRedisServer();
  await mkdir(paths.directory, { recursive: true });
  const { address, process: server } = await startRedis({
    paths,
    generation: 1,
    redisServer,
    host: "127.0.0.1",
    outlivesUs: false,
  });
  const redis = connectBroker(address);
  await redis.set(GENERATION_KEY, 1);
  redis.disconnect();
  return {
    address,
    async dispose() {
      server.kill("SIGKILL");
      await rm(root, { recursive: true, force: true });
    },
  };
}
