import type { BrokerSettings } from "../broker/broker-settings.ts";
import { ensureBroker } from "../broker/ensure-broker.ts";
import { Failure } from "../contract/failure.ts";
import { readPlan, sweepPaths } from "../files/sweep-directory.ts";
import { isSucceeded } from "../queue/broker-address.ts";
import { lostData } from "../queue/broker-connection.ts";
import { TrialQueue } from "../queue/trial-queue.ts";

/**
 * A pilot's connection to the broker of its site. When the broker falls silent it is found or
 * started anew, so that no pilot needs anyone logged in.
 */
export class BrokerSession {
  readonly #settings: BrokerSettings;
  readonly #sweep: string;
  readonly #pool: string;
  #queue: Promise<TrialQueue> | null = null;

  constructor(settings: BrokerSettings, { sweep, pool }: { sweep: string; pool: string }) {
    this.#settings = settings;
    this.#sweep = sweep;
    this.#pool = pool;
  }

  /**
   * Runs an action that is safe to repeat; once more on a new connection if the broker was silent.
   * Throws Failure `broker-unreachable` when no broker comes up either.
   */
  async use<T>(action: (queue: TrialQueue) => Promise<T>): Promise<T> {
    const connection = this.#open();
    try {
      const queue = await connection;
      // One that others gave up may come back and answer: nobody else follows it any more.
      if (isSucceeded(this.#settings.root, queue.generation)) throw lostData();
      return await action(queue);
    } catch (error) {
      if (!isSilence(error)) throw error;
      await this.#drop(connection);
      return action(await this.#open());
    }
  }

  async close(): Promise<void> {
    if (this.#queue) await this.#drop(this.#queue);
  }

  /** Closes a connection that failed; another user of it may have replaced it already. */
  async #drop(connection: Promise<TrialQueue>): Promise<void> {
    if (this.#queue === connection) this.#queue = null;
    const queue = await connection.catch(() => null);
    await queue?.close();
  }

  #open(): Promise<TrialQueue> {
    this.#queue ??= this.#connect();
    return this.#queue;
  }

  async #connect(): Promise<TrialQueue> {
    const address = await ensureBroker(this.#settings);
    const plan = readPlan(sweepPaths(this.#settings.root, this.#sweep));
    const leaseSeconds = plan?.lease_seconds ?? this.#settings.leaseSeconds;
    return new TrialQueue(address, { sweep: this.#sweep, pool: this.#pool, leaseSeconds });
  }
}

/** Whether an error says no more than that the broker did not answer. */
export function isSilence(error: unknown): boolean {
  return error instanceof Failure && error.reason === "broker-unreachable";
}
