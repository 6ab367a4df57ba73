import type { Redis } from "ioredis";
import { z } from "zod";
import { GRACE_KEY } from "./broker-connection.ts";

/** Who holds a trial, and until when by the broker's own clock. */
export const Lease = z.object({
  attempt: z.number().int().positive(),
  pilot: z.string(),
  expires: z.number(),
});
export type Lease = z.infer<typeof Lease>;

/** A lease as seen at one moment of the broker's clock. */
export interface SeenLease extends Lease {
  /** Seconds since the holder was last heard of. */
  ageSeconds: number;
  expired: boolean;
}

const NOW = `local t = redis.call('TIME'); local now = t[1] * 1000 + math.floor(t[2] / 1000)`;

/** Takes or renews a lease; 0 if a higher attempt is known. The known attempt is never lowered. */
const HOLD = `${NOW}
local known = tonumber(redis.call('HGET', KEYS[2], ARGV[1]) or '0')
local attempt = tonumber(ARGV[2])
if known > attempt then return 0 end
redis.call('HSET', KEYS[2], ARGV[1], attempt)
redis.call('HSET', KEYS[1], ARGV[1], cjson.encode({
  attempt = attempt, pilot = ARGV[3], expires = now + tonumber(ARGV[4])}))
return 1`;

const RELEASE = `
local held = redis.call('HGET', KEYS[1], ARGV[1])
if held and cjson.decode(held).attempt == tonumber(ARGV[2]) then
  return redis.call('HDEL', KEYS[1], ARGV[1])
end
return 0`;

/**
 * 1 if attempt ARGV[2] was silent for a whole lease; the next attempt is then the lowest allowed.
 */
const SUPERSEDE = `${NOW}
local attempt = tonumber(ARGV[2])
local known = tonumber(redis.call('HGET', KEYS[2], ARGV[1]) or '0')
local held = redis.call('HGET', KEYS[1], ARGV[1])
if held then
  local lease = cjson.decode(held)
  if lease.attempt ~= attempt then return 0 end
  if lease.expires > now or tonumber(redis.call('GET', KEYS[3]) or '0') > now then return 0 end
elseif known <= attempt then
  return 0
end
redis.call('HDEL', KEYS[1], ARGV[1])
redis.call('HSET', KEYS[2], ARGV[1], math.max(known, attempt + 1))
return 1`;

/**
 * The leases of a sweep's running attempts, kept in Redis and measured on its clock alone: no two
 * hosts' clocks are ever compared. A cache of the highest attempt known fences late holders; the
 * claim files remain the truth.
 */
export class LeaseTable {
  readonly #redis: Redis;
  readonly #leases: string;
  readonly #claims: string;
  readonly #milliseconds: number;

  constructor(redis: Redis, sweep: string, leaseSeconds: number) {
    this.#redis = redis;
    this.#leases = `qsweep:${sweep}:leases`;
    this.#claims = `qsweep:${sweep}:claims`;
    this.#milliseconds = leaseSeconds * 1000;
  }

  /**
   * Takes or renews the lease of an attempt. False: a higher attempt exists, this one must stop.
   */
  async hold(trial: string, attempt: number, pilot: string): Promise<boolean> {
    const values = [trial, attempt, pilot, this.#milliseconds];
    return (await this.#redis.eval(HOLD, 2, this.#leases, this.#claims, ...values)) === 1;
  }

  /** Gives a lease back; nothing happens if another attempt holds it. */
  async release(trial: string, attempt: number): Promise<void> {
    await this.#redis.eval(RELEASE, 1, this.#leases, trial, attempt);
  }

  /**
   * Whether a silent attempt may be superseded. True at most once per attempt and lease; from then
   * on its holder cannot renew.
   */
  async supersede(trial: string, attempt: number): Promise<boolean> {
    const keys = [this.#leases, this.#claims, GRACE_KEY];
    return (await this.#redis.eval(SUPERSEDE, 3, ...keys, trial, attempt)) === 1;
  }

  /** All leases as of now, by trial. */
  async all(): Promise<Map<string, SeenLease>> {
    const [leases, [seconds, microseconds]] = await Promise.all([
      this.#redis.hgetall(this.#leases),
      this.#redis.time(),
    ]);
    const now = Number(seconds) * 1000 + Math.floor(Number(microseconds) / 1000);
    return new Map(
      Object.entries(leases).map(([trial, text]): [string, SeenLease] => {
        const lease = Lease.parse(JSON.parse(text));
        const ageSeconds = Math.max(0, (now - (lease.expires - this.#milliseconds)) / 1000);
        return [trial, { ...lease, ageSeconds, expired: lease.expires <= now }];
      }),
    );
  }
}
