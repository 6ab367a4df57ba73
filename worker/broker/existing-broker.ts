import { readFileSync, statSync } from "node:fs";
import { setTimeout as delay } from "node:timers/promises";
import { Redis } from "ioredis";
import { Failure } from "../contract/failure.ts";
import type { BrokerAddress } from "../contract/trial-files.ts";
import { claimedGenerations } from "../queue/broker-address.ts";
import { answered, brokerOptions, GENERATION_KEY } from "../queue/broker-connection.ts";
import type { BrokerSettings } from "./broker-settings.ts";
import { openGeneration } from "./generations.ts";

const WAIT_SECONDS = 0;
const POLL_MILLISECONDS = 1_000;
const OTHERS_MAY_READ = 0o077;

/** A Redis that we did not start: where it is, and its password, empty where it has none. */
export type ExistingBroker = Pick<BrokerAddress, "host" | "port" | "password">;

/**
 * The configured Redis, which answers to the configured password; waited for up to `waitSeconds`.
 * Throws Failure `broker-unreachable` with its last words, `site-invalid` where the password file
 * is readable for others or the Redis serves another site.
 */
export async function reachedBroker(settings: BrokerSettings): Promise<ExistingBroker> {
  const { root, url, leaving, waitSeconds = WAIT_SECONDS } = settings;
  if (!url) throw new Error("placement url without host and port");
  const { host, port, passwordFile } = url;
  const broker = { host, port, password: passwordFile ? readPassword(passwordFile) : "" };
  const deadline = performance.now() + waitSeconds * 1000;
  for (;;) {
    const { problem, generation } = await seenGeneration(broker);
    if (problem === null) {
      // Several sites that each took it over from the other would never come to rest.
      if (generation > (claimedGenerations(root).at(-1) ?? 0)) throw ofAnotherSite(broker);
      return broker;
    }
    if (leaving?.aborted === true || performance.now() > deadline) throw silent(broker, problem);
    await delay(POLL_MILLISECONDS, undefined, leaving && { signal: leaving }).catch(() => {});
  }
}

/** Whether an address leads to this Redis by its present password. */
export function isConfigured(address: BrokerAddress, broker: ExistingBroker): boolean {
  const { host, port, password } = address;
  return host === broker.host && port === broker.port && password === broker.password;
}

/** Makes a Redis that we did not start our broker, under a claimed generation. */
export async function adoptBroker(
  settings: BrokerSettings,
  broker: ExistingBroker,
  generation: number,
): Promise<{ address: BrokerAddress; synced: ReadonlySet<string> }> {
  const address: BrokerAddress = { version: 1, generation, ...broker, pid: null };
  return { address, synced: await openGeneration(settings, address) };
}

/** The generation in its data, 0 where there is none; or why it gave no answer. */
async function seenGeneration(
  broker: ExistingBroker,
): Promise<{ problem: string | null; generation: number }> {
  const redis = new Redis({ ...brokerOptions(broker), retryStrategy: () => null });
  let said: string | null = null;
  redis.on("error", (error) => (said ??= error.message));
  try {
    const generation = await answered(redis.get(GENERATION_KEY));
    return { problem: null, generation: Number(generation ?? 0) };
  } catch (error) {
    return { problem: said ?? String(error), generation: 0 };
  } finally {
    redis.disconnect();
  }
}

function readPassword(file: string): string {
  const status = statSync(file, { throwIfNoEntry: false });
  if (!status?.isFile()) throw badPasswordFile(`there is no password file ${file}`);
  if ((status.mode & OTHERS_MAY_READ) !== 0) {
    throw badPasswordFile(`others may read the password file ${file}`);
  }
  return readFileSync(file, "utf8").trim();
}

function badPasswordFile(message: string): Failure {
  return new Failure({
    reason: "site-invalid",
    message,
    remedy: "Write the broker's password to a file of mode 0600: broker.password_file of the site.",
  });
}

function silent({ host, port }: ExistingBroker, problem: string): Failure {
  return new Failure({
    reason: "broker-unreachable",
    message: `the broker at ${host}:${port} gave no answer: ${problem}`,
    remedy: "Check broker.host, broker.port and broker.password_file of the site, and the Redis.",
  });
}

function ofAnotherSite({ host, port }: ExistingBroker): Failure {
  return new Failure({
    reason: "site-invalid",
    message: `the broker at ${host}:${port} already serves another root directory`,
    remedy: "Give each root a Redis of its own: broker.host and broker.port of the site.",
  });
}
