import type { Redis } from "ioredis";

const PILOTS_KEY = "qsweep:pilots";
const NOW = `local t = redis.call('TIME'); local now = t[1] * 1000 + math.floor(t[2] / 1000)
redis.call('ZREMRANGEBYSCORE', KEYS[1], '-inf', now)`;
const PRESENT = `${NOW}
redis.call('ZADD', KEYS[1], now + tonumber(ARGV[2]), ARGV[1])
return redis.call('ZCARD', KEYS[1])`;
const LEAVE = `${NOW}
redis.call('ZREM', KEYS[1], ARGV[1])
return redis.call('ZCARD', KEYS[1])`;

/** The pilots of all sweeps that a site's broker serves, each present for a while at a time. */
export class PilotTable {
  readonly #redis: Redis;

  constructor(redis: Redis) {
    this.#redis = redis;
  }

  /** Says that a pilot is here for the next `seconds`. */
  async present(pilot: string, seconds: number): Promise<void> {
    await this.#redis.eval(PRESENT, 1, PILOTS_KEY, pilot, seconds * 1000);
  }

  /** Takes a pilot off the list; returns how many are left. */
  async leave(pilot: string): Promise<number> {
    return Number(await this.#redis.eval(LEAVE, 1, PILOTS_KEY, pilot));
  }
}
