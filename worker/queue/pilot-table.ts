import type { Redis } from "ioredis";
import { GENERATION_KEY, lostData } from "./broker-connection.ts";

const PILOTS_KEY = "qsweep:pilots";
const NOW = `local t = redis.call('TIME'); local now = t[1] * 1000 + math.floor(t[2] / 1000)
redis.call('ZREMRANGEBYSCORE', KEYS[1], '-inf', now)`;
const PRESENT = `if redis.call('GET', KEYS[2]) ~= ARGV[3] then return -1 end
${NOW}
redis.call('ZADD', KEYS[1], now + tonumber(ARGV[2]), ARGV[1])
return redis.call('ZCARD', KEYS[1])`;
const LEAVE = `${NOW}
redis.call('ZREM', KEYS[1], ARGV[1])
return redis.call('ZCARD', KEYS[1])`;
const COUNT = `${NOW}
return redis.call('ZCARD', KEYS[1])`;

/** The pilots of all sweeps that a site's broker serves, each present for a while at a time. */
export class PilotTable {
  readonly #redis: Redis;
  readonly #generation: number;

  /** `generation`: of the broker that the connection was opened for. */
  constructor(redis: Redis, generation: number) {
    this.#redis = redis;
    this.#generation = generation;
  }

  /**
   * Says that a pilot is here for the next `seconds`. Throws Failure `broker-unreachable` where the
   * broker's data is of another generation than expected: it was lost, and is to be rebuilt.
   */
  async present(pilot: string, seconds: number): Promise<void> {
    const keys = [PILOTS_KEY, GENERATION_KEY];
    const values = [pilot, seconds * 1000, this.#generation];
    if ((await this.#redis.eval(PRESENT, 2, ...keys, ...values)) === -1) throw lostData();
  }

  /** How many are here now. */
  async count(): Promise<number> {
    return Number(await this.#redis.eval(COUNT, 1, PILOTS_KEY));
  }

  /** Takes a pilot off the list; returns how many are left. */
  async leave(pilot: string): Promise<number> {
    return Number(await this.#redis.eval(LEAVE, 1, PILOTS_KEY, pilot));
  }
}
