import { Redis } from "ioredis";
import type { BrokerAddress } from "../contract/trial-files.ts";
import { brokerOptions } from "./broker-connection.ts";

/**
 * Opens a connection; it is made in the background. Connection errors are not reported here: each
 * command has its own deadline (see `answered`).
 */
export function connectBroker(address: BrokerAddress): Redis {
  const redis = new Redis(brokerOptions(address));
  redis.on("error", () => {});
  return redis;
}
