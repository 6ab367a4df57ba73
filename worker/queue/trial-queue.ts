import { randomUUID } from "node:crypto";
import { type Job, Queue, Worker } from "bullmq";
import type { Redis } from "ioredis";
import type { BrokerAddress } from "../contract/trial-files.ts";
import { LiveTrial } from "../contract/live-trial.ts";
import { answered, brokerOptions, connectBroker } from "./broker-connection.ts";
import { LeaseTable } from "./lease-table.ts";
import { PilotTable } from "./pilot-table.ts";

const PREFIX = "qsweep";
const LOCK_MILLISECONDS = 10_000;
const PULL_SECONDS = 1;
const PULL_ANSWER_MILLISECONDS = 8_000;
const ADD_CHUNK = 250;
const CLOSE_MILLISECONDS = 1_000;

/** One attempt to make, as handed out. */
export interface HandOut {
  trial: string;
  attempt: number;
}

/** A hand-out in a pilot's hands; unless acknowledged, it goes to another pilot. */
export interface PulledHandOut extends HandOut {
  acknowledge(): Promise<void>;
}

/**
 * A sweep's queue at the broker: hand-out by BullMQ, leases, and the live view. Every call throws
 * Failure `broker-unreachable` when the broker is silent; all of it can be rebuilt from the trial
 * directories, and every call is safe to repeat.
 */
export class TrialQueue {
  readonly leases: LeaseTable;
  readonly pilots: PilotTable;
  readonly #redis: Redis;
  readonly #queue: Queue<HandOut>;
  readonly #live: string;
  readonly #address: BrokerAddress;
  #puller: Worker<HandOut> | null = null;

  constructor(address: BrokerAddress, sweep: string, leaseSeconds: number) {
    this.#address = address;
    this.#redis = connectBroker(address);
    this.leases = new LeaseTable(this.#redis, sweep, leaseSeconds);
    this.pilots = new PilotTable(this.#redis);
    this.#live = `qsweep:${sweep}:live`;
    this.#queue = new Queue<HandOut>(sweep, {
      connection: brokerOptions(address),
      prefix: PREFIX,
      streams: { events: { maxLen: 1000 } },
    });
    this.#queue.on("error", () => {});
  }

  /** Adds what is not queued yet, in order. An entry handed out or waiting stays as it is. */
  async add(handOuts: readonly HandOut[]): Promise<void> {
    for (let start = 0; start < handOuts.length; start += ADD_CHUNK) {
      const chunk = handOuts.slice(start, start + ADD_CHUNK).map((data) => ({
        name: data.trial,
        data,
        opts: { jobId: `${data.trial}-${data.attempt}`, removeOnComplete: true },
      }));
      await answered(this.#queue.addBulk(chunk));
    }
  }

  /** The next hand-out, or null if none came within a second or so. */
  async pull(): Promise<PulledHandOut | null> {
    const puller = (this.#puller ??= await this.#openPuller());
    const token = randomUUID();
    const entry: Job<HandOut> | undefined = await answered(
      puller.getNextJob(token),
      PULL_ANSWER_MILLISECONDS,
    );
    if (!entry) return null;
    return {
      ...entry.data,
      acknowledge: async () => {
        await answered(entry.moveToCompleted(null, token, false));
      },
    };
  }

  /** Writes what is seen of a running trial. Not the truth: readers look at leases and files. */
  async show(trial: string, live: LiveTrial): Promise<void> {
    await answered(this.#redis.hset(this.#live, trial, JSON.stringify(live)));
  }

  async liveTrials(): Promise<Map<string, LiveTrial>> {
    const entries = Object.entries(await answered(this.#redis.hgetall(this.#live)));
    return new Map(entries.map(([trial, text]) => [trial, LiveTrial.parse(JSON.parse(text))]));
  }

  /** How many pilots of this sweep have a connection for pulling, with or without a trial. */
  connectedPilots(): Promise<number> {
    return answered(this.#queue.getWorkersCount());
  }

  /** Ends the broker; its data stays in its append-only file. */
  async shutDownBroker(): Promise<void> {
    await answered(this.#redis.shutdown("NOSAVE")).catch(() => {});
  }

  /** Never waits for a broker that is away. */
  async close(): Promise<void> {
    const closing = [this.#queue.close()];
    if (this.#puller) closing.push(this.#puller.close(true));
    await answered(Promise.allSettled(closing), CLOSE_MILLISECONDS).catch(() => {});
    this.#redis.disconnect();
  }

  async #openPuller(): Promise<Worker<HandOut>> {
    const puller = new Worker<HandOut>(this.#queue.name, null, {
      connection: brokerOptions(this.#address),
      prefix: PREFIX,
      autorun: false,
      drainDelay: PULL_SECONDS,
      lockDuration: LOCK_MILLISECONDS,
      stalledInterval: LOCK_MILLISECONDS,
      // BullMQ's own verdict on silence decides nothing: see the leases.
      maxStalledCount: Number.MAX_SAFE_INTEGER,
    });
    puller.on("error", () => {});
    await answered(puller.startStalledCheckTimer());
    return puller;
  }
}
