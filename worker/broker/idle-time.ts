import type { BrokerAddress } from "../contract/trial-files.ts";
import { readSubmissions, type Submission } from "../files/submission-directory.ts";
import {
  launchedSweeps,
  readSweep,
  type SweepRecord,
  sweepPaths,
} from "../files/sweep-directory.ts";
import { readTaskExits } from "../files/task-exit.ts";
import { askOnce } from "../queue/broker-connection.ts";
import { dispositionOf } from "../queue/disposition.ts";
import { PilotTable } from "../queue/pilot-table.ts";

/** Leases for which nothing is to be done before a broker is of no use. */
const IDLE_LEASES = 2;

/** For how long a site's broker has had no pilot, and no trial that one will come for. */
export class IdleTime {
  readonly #root: string;
  readonly #leaseMilliseconds: number;
  #since: number | null = null;
  #nextLook = 0;

  constructor({ root, leaseSeconds }: { root: string; leaseSeconds: number }) {
    this.#root = root;
    this.#leaseMilliseconds = leaseSeconds * 1000;
  }

  /** Whether it has been so for two leases. Looks once a lease, however often it is asked. */
  async isLong(address: BrokerAddress): Promise<boolean> {
    const now = performance.now();
    if (now < this.#nextLook) return false;
    this.#nextLook = now + this.#leaseMilliseconds;
    const isIdle = (await hasNoPilots(address)) && nothingToHandOut(this.#root);
    this.#since = isIdle ? (this.#since ?? now) : null;
    return this.#since !== null && now - this.#since >= IDLE_LEASES * this.#leaseMilliseconds;
  }
}

/** A silent broker does not say so. */
async function hasNoPilots(address: BrokerAddress): Promise<boolean> {
  const count = await askOnce(address, (redis) => {
    return new PilotTable(redis, address.generation).count();
  }).catch(() => null);
  return count === 0;
}

function nothingToHandOut(root: string): boolean {
  return launchedSweeps(root).every((sweep) => {
    const paths = sweepPaths(root, sweep);
    try {
      const record = readSweep(paths);
      return !record || !wantsPilot(record) || !readSubmissions(paths.submissions).some(isToCome);
    } catch {
      // No pilot can work on a directory that cannot be read: a broker is not kept for it.
      return true;
    }
  });
}

/** Without pilots every lease runs out: a trial on its last try is held then, see `isHeld`. */
function wantsPilot({ plan, trials }: SweepRecord): boolean {
  return trials.some(({ record, wish }) => {
    const disposition = dispositionOf({ record, wish, maxFailures: plan.max_failures });
    return (
      disposition.kind === "waiting" || (disposition.kind === "open" && !disposition.isLastTry)
    );
  });
}

/** Whether a submission has tasks that are not over, as far as its files tell. */
function isToCome({ directory, job, isDone, at_once: atOnce, slices }: Submission): boolean {
  if (job === null || isDone) return false;
  const ends = readTaskExits(directory).filter((end) => end.job === job);
  return new Set(ends.map(({ task }) => task)).size < atOnce * slices;
}
