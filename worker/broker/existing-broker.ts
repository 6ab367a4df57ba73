import { readFileSync, statSync } from "node:fs";
import { setTimeout as delay } from "node:timers/promises";
import { Failure } from "../contract/failure.ts";
import type { BrokerAddress } from "../contract/trial-files.ts";
import { claimedGenerations } from "../queue/broker-address.ts";
import { type BrokerEndpoint, GENERATION_KEY, generationAt } from "../queue/broker-connection.ts";
import type { BrokerSettings } from "./broker-settings.ts";
import { openGeneration } from "./generations.ts";

const WAIT_SECONDS = 0;
const POLL_MILLISECONDS = 1_000;
const OTHERS_MAY_READ = 0o077;

/**
 * The configured Redis, which answers to the configured password; waited for up to `waitSeconds`.
 * Throws Failure `broker-unreachable` with what it said last, `site-invalid` where others may read
 * the password file or the Redis serves another root.
 */
export async function reachedBroker(settings: BrokerSettings): Promise<BrokerEndpoint> {
  const { root, url, leaving, waitSeconds = WAIT_SECONDS } = settings;
  if (!url) throw new Error("placement url without host and port");
  const { host, port, passwordFile } = url;
  const broker = { host, port, password: passwordFile ? readPassword(passwordFile) : "" };
  const deadline = performance.now() + waitSeconds * 1000;
  for (;;) {
    try {
      const generation = await generationAt(broker);
      // Several roots that each took it over from the other would never come to rest.
      if (generation > (claimedGenerations(root).at(-1) ?? 0)) throw ofAnotherRoot(broker);
      return broker;
    } catch (error) {
      const isSilent = error instanceof Failure && error.reason === "broker-unreachable";
      const isLate = leaving?.aborted === true || performance.now() > deadline;
      if (!isSilent || isLate) throw error;
    }
    await delay(POLL_MILLISECONDS, undefined, leaving && { signal: leaving }).catch(() => {});
  }
}

/** Whether an address leads to this Redis by its present password. */
export function isConfigured(address: BrokerAddress, broker: BrokerEndpoint): boolean {
  const { host, port, password } = address;
  return host === broker.host && port === broker.port && password === broker.password;
}

/** Makes a Redis that we did not start our broker, under a claimed generation. */
export async function adoptBroker(
  settings: BrokerSettings,
  broker: BrokerEndpoint,
  generation: number,
): Promise<{ address: BrokerAddress; synced: ReadonlySet<string> }> {
  const address: BrokerAddress = { version: 1, generation, ...broker, pid: null };
  return { address, synced: await openGeneration(settings, address) };
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

function ofAnotherRoot({ host, port }: BrokerEndpoint): Failure {
  return new Failure({
    reason: "site-invalid",
    message: `the broker at ${host}:${port} already serves another root directory`,
    remedy: `Give each root its own Redis; if that root is gone, delete the key ${GENERATION_KEY}.`,
  });
}
