import { mkdir, mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import path from "node:path";
import { startRedis } from "../../worker/broker/redis-process.ts";
import type { BrokerAddress } from "../../worker/contract/trial-files.ts";
import { generationPaths } from "../../worker/queue/broker-address.ts";
import { findRedisServer } from "../../worker/wheels/redis-server.ts";
import { kill } from "./local-site.ts";

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
  const address = await startRedis({ paths, generation: 1, redisServer });
  return {
    address,
    async dispose() {
      kill(address.pid);
      await rm(root, { recursive: true, force: true });
    },
  };
}
