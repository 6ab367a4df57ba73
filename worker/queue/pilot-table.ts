import type { Redis } from "ioredis";

interface PilotCommands extends Redis {
  qsweepPresent(pilots: string, pilot: string, milliseconds: number): Promise<number>;
  qsweepLeave(pilots: string, pilot: string): Promise<number>;
}

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
  readonly #redis: PilotCommands;

  constructor(redis: Redis) {
    redis.defineCommand("qsweepPresent", { numberOfKeys: 1, lua: PRESENT });
    redis.defineCommand("qsweepLeave", { numberOfKeys: 1, lua: LEAVE });
    this.#redis = redis as PilotCommands;
  }

  /** Says that a pilot is here for the next `seconds`. */
  async present(pilot: string, seconds: number): Promise<void> {
    await this.#redis.qsweepPresent(PILOTS_KEY, pilot, seconds * 1000);
  }

  /** Takes a pilot off the list; returns how many are left. */
  leave(pilot: string): Promise<number> {
    return this.#redis.qsweepLeave(PILOTS_KEY, pilot);
  }
}
