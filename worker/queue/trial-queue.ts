import { randomUUID } from "node:crypto";
import { type Job, Queue, Worker } from "bullmq";
import type { Redis } from "ioredis";
import type { BrokerAddress } from "../contract/trial-files.ts";
import { LiveTrial } from "../contract/live-trial.ts";
import { answered, brokerOptions, GRACE_KEY } from "./broker-connection.ts";
import { connectBroker } from "./connect-broker.ts";
import { LeaseTable } from "./lease-table.ts";
import { PilotTable } from "./pilot-table.ts";

const PREFIX = "qsweep";
const LOCK_MILLISECONDS = 10_000;
const PULL_SECONDS = 1;
const PULL_ANSWER_MILLISECONDS = 8_000;
const ADD_CHUNK = 250;
const CLOSE_MILLISECONDS = 1_000;
const MAX_EVENTS = 1_000;

/**
 * Forgets all keys of a sweep at once; for the next ARGV[1] ms silence supersedes nothing, as its
 * length is forgotten too. No other sweep's name begins with this one and ":" or "/".
 */
const FORGET = `local t = redis.call('TIME'); local now = t[1] * 1000 + math.floor(t[2] / 1000)
for i = 2, #ARGV do
  for _, key in ipairs(redis.call('KEYS', ARGV[i])) do redis.call('DEL', key) end
end
local grace = tonumber(redis.call('GET', KEYS[1]) or '0')
redis.call('SET', KEYS[1], math.max(grace, now + tonumber(ARGV[1])))`;

/** One attempt to make, as handed out. */
export interface HandOut {
  trial: string;
  attempt: number;
}

/** A hand-out in a pilot's hands; unless acknowledged, it goes to another pilot. */
export interface PulledHandOut extends HandOut {
  acknowledge(): Promise<void>;
}

export interface QueueSettings {
  sweep: string;
  /** What `pull` takes from, and `add` adds to unless told otherwise; only pilots have one. */
  pool?: string;
  leaseSeconds: number;
}

/**
 * A sweep at the broker: a hand-out queue by BullMQ for each pool; leases and the live view of the
 * whole sweep. Every call throws Failure `broker-unreachable` when the broker is silent; all of it
 * can be rebuilt from the trial directories, and every call is safe to repeat.
 */
export class TrialQueue {
  readonly leases: LeaseTable;
  readonly pilots: PilotTable;
  /** Of the broker that it was opened for. */
  readonly generation: number;
  readonly #redis: Redis;
  readonly #queues = new Map<string, Queue<HandOut>>();
  readonly #live: string;
  readonly #address: BrokerAddress;
  readonly #sweep: string;
  readonly #pool: string | undefined;
  readonly #leaseSeconds: number;
  #puller: Worker<HandOut> | null = null;

  constructor(address: BrokerAddress, { sweep, pool, leaseSeconds }: QueueSettings) {
    this.#address = address;
    this.generation = address.generation;
    this.#sweep = sweep;
    this.#pool = pool;
    this.#leaseSeconds = leaseSeconds;
    this.#redis = connectBroker(address);
    this.leases = new LeaseTable(this.#redis, sweep, leaseSeconds);
    this.pilots = new PilotTable(this.#redis, address.generation);
    this.#live = `qsweep:${sweep}:live`;
  }

  /** Adds what is not queued yet, in order. An entry handed out or waiting stays as it is. */
  async add(handOuts: readonly HandOut[], pool = this.#ownPool()): Promise<void> {
    const queue = this.#queueOf(pool);
    for (let start = 0; start < handOuts.length; start += ADD_CHUNK) {
      const chunk = handOuts.slice(start, start + ADD_CHUNK).map((data) => ({
        name: data.trial,
        data,
        opts: { jobId: `${data.trial}-${data.attempt}`, removeOnComplete: true },
      }));
      await answered(queue.addBulk(chunk));
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

  /** How many pilots of these pools have a connection for pulling, with or without a trial. */
  async connectedPilots(pools: readonly string[]): Promise<number> {
    const asked = pools.map((pool) => this.#queueOf(pool).getWorkersCount());
    const counts = await answered(Promise.all(asked));
    return counts.reduce((sum, count) => sum + count, 0);
  }

  /** How many hand-outs of these pools wait for a pilot. */
  async countWaiting(pools: readonly string[]): Promise<number> {
    const asked = pools.map((pool) => this.#queueOf(pool).getWaitingCount());
    const counts = await answered(Promise.all(asked));
    return counts.reduce((sum, count) => sum + count, 0);
  }

  /** Makes the broker forget this sweep, to be synced anew; pilots may be at work meanwhile. */
  async forget(): Promise<void> {
    const patterns = [`${PREFIX}:${this.#sweep}:*`, `${PREFIX}:${this.#sweep}/*`];
    const milliseconds = this.#leaseSeconds * 1000;
    await answered(this.#redis.eval(FORGET, 1, GRACE_KEY, milliseconds, ...patterns));
  }

  /** Ends the broker; its data stays in its append-only file. */
  async shutDownBroker(): Promise<void> {
    await answered(this.#redis.shutdown("NOSAVE")).catch(() => {});
  }

  /** Never waits for a broker that is away. */
  async close(): Promise<void> {
    const closing = [...this.#queues.values()].map((queue) => queue.close());
    if (this.#puller) closing.push(this.#puller.close(true));
    await answered(Promise.allSettled(closing), CLOSE_MILLISECONDS).catch(() => {});
    this.#redis.disconnect();
  }

  #ownPool(): string {
    if (this.#pool === undefined) throw new Error(`no pool was given for sweep ${this.#sweep}`);
    return this.#pool;
  }

  /** All queues share one connection. */
  #queueOf(pool: string): Queue<HandOut> {
    const known = this.#queues.get(pool);
    if (known) return known;
    const queue = new Queue<HandOut>(`${this.#sweep}/${pool}`, {
      connection: this.#redis,
      prefix: PREFIX,
      streams: { events: { maxLen: MAX_EVENTS } },
    });
    queue.on("error", () => {});
    this.#queues.set(pool, queue);
    return queue;
  }

  async #openPuller(): Promise<Worker<HandOut>> {
    const puller = new Worker<HandOut>(this.#queueOf(this.#ownPool()).name, null, {
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
