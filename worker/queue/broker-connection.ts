import type { Redis } from "ioredis";
import { Failure } from "../contract/failure.ts";
import type { BrokerAddress } from "../contract/trial-files.ts";

const RECONNECT_MILLISECONDS = 500;
const ANSWER_MILLISECONDS = 5_000;
/** A connection being closed keeps its process alive for so long, also where nobody listens. */
const CLOSE_MILLISECONDS = 100;
/** What ioredis says of commands that were under way. */
const CLOSED = "Connection is closed.";

/** Connection options for ioredis and BullMQ: commands wait for the broker instead of failing. */
export function brokerOptions({ host, port, password }: BrokerEndpoint) {
  return {
    host,
    port,
    ...(password !== "" && { password }),
    maxRetriesPerRequest: null,
    retryStrategy: () => RECONNECT_MILLISECONDS,
  };
}

/**
 * An answer of the broker, or Failure `broker-unreachable` when none came in time or the connection
 * was closed meanwhile.
 */
export async function answered<T>(
  answer: Promise<T>,
  milliseconds: number = ANSWER_MILLISECONDS,
): Promise<T> {
  let timer: NodeJS.Timeout | undefined;
  const silence = new Promise<never>((_, reject) => {
    timer = setTimeout(() => reject(unreachable(milliseconds)), milliseconds);
  });
  try {
    return await Promise.race([answer, silence]);
  } catch (error) {
    if (error instanceof Error && error.message === CLOSED) throw unreachable(milliseconds);
    throw error;
  } finally {
    clearTimeout(timer);
  }
}

/** Where a Redis listens, and its password, empty where it asks for none. */
export type BrokerEndpoint = Pick<BrokerAddress, "host" | "port" | "password">;

/**
 * Asks a broker once, on a connection of its own that gives up at once where nobody listens. Throws
 * Failure `broker-unreachable` with what the connection said. The client is loaded with the first
 * question: most commands ask none.
 */
export async function askOnce<T>(
  { host, port, password }: BrokerEndpoint,
  ask: (redis: Redis) => Promise<T>,
  milliseconds: number = ANSWER_MILLISECONDS,
): Promise<T> {
  const { Redis } = await import("ioredis");
  const redis = new Redis({
    ...brokerOptions({ host, port, password }),
    retryStrategy: () => null,
    disconnectTimeout: CLOSE_MILLISECONDS,
  });
  let said: string | null = null;
  redis.on("error", (error) => (said ??= error.message));
  try {
    return await answered(ask(redis), milliseconds);
  } catch (error) {
    const problem = said ?? (error instanceof Error ? error.message : String(error));
    throw new Failure({
      reason: "broker-unreachable",
      message: `the broker at ${host}:${port} gave no answer: ${problem}`,
      remedy: "Launch the sweep again: that starts a broker where none runs.",
      cause: error,
    });
  } finally {
    redis.disconnect();
  }
}

/** The generation of a broker's data, 0 where it has none; throws as `askOnce`. */
export async function generationAt(
  endpoint: BrokerEndpoint,
  milliseconds?: number,
): Promise<number> {
  return Number((await askOnce(endpoint, (redis) => redis.get(GENERATION_KEY), milliseconds)) ?? 0);
}

/** Whether the broker at this address answers and is of the generation the address names. */
export async function brokerAnswers(
  address: BrokerAddress,
  milliseconds?: number,
): Promise<boolean> {
  const generation = await generationAt(address, milliseconds).catch(() => null);
  return generation === address.generation;
}

/** Holds the number of the start that this data belongs to. */
export const GENERATION_KEY = "qsweep:generation";

/** Until this time (ms of the broker's clock) silence supersedes nothing: the broker was away. */
export const GRACE_KEY = "qsweep:grace-until";

/** What to throw when a broker that answers is not of the generation that was looked for. */
export function lostData(): Failure {
  return new Failure({
    reason: "broker-unreachable",
    message: "the broker lost its data, or is of another generation",
    remedy: "Launch the sweep again: that rebuilds the broker's data from the trial directories.",
  });
}

function unreachable(milliseconds: number): Failure {
  return new Failure({
    reason: "broker-unreachable",
    message: `the broker did not answer within ${milliseconds / 1000} s`,
    remedy: "Launch the sweep again: that starts a broker where none runs.",
  });
}
