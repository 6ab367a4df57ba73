import {
  closeSync,
  createReadStream,
  existsSync,
  fstatSync,
  openSync,
  readSync,
  statSync,
} from "node:fs";
import path from "node:path";
import type { Writable } from "node:stream";
import { pipeline } from "node:stream/promises";
import type { BrokerAddress, Intent } from "../../worker/contract/trial-files.ts";
import { Failure } from "../../worker/contract/failure.ts";
import {
  readPlan,
  readSweep,
  recordIntent,
  sweepPaths,
  type SweepPaths,
  type SweepRecord,
} from "../../worker/files/sweep-directory.ts";
import {
  attemptPaths,
  publishResult,
  recordEnd,
  trialPaths,
} from "../../worker/files/trial-directory.ts";
import { newestBroker } from "../../worker/queue/broker-address.ts";
import { answered, brokerAnswers } from "../../worker/queue/broker-connection.ts";
import { type QueueChanges, reconcileQueue } from "../../worker/queue/reconcile-queue.ts";
import type { TrialQueue } from "../../worker/queue/trial-queue.ts";
import type { AttemptFile, FilePart, SweepAccess, TrialFile } from "../ports/sweep-access.ts";
import type { Scheduler } from "../ports/scheduler.ts";
import type { ReconcileAction } from "../tracking/reconcile.ts";
import type { FileAges, GridWitness, SweepSnapshot, Witnesses } from "../tracking/witnesses.ts";
import { fileClock } from "./file-clock.ts";
import { GridLook } from "./grid-look.ts";

/** Longer than a broker on this machine ever needs, short enough to wait for at every look. */
const ANSWER_MILLISECONDS = 1_500;
const MAX_PART_BYTES = 1 << 20;

/** A sweep where its files are: its directory, its site's broker and scheduler. */
export class LocalSweepAccess implements SweepAccess {
  readonly sweep: string;
  readonly #root: string;
  readonly #paths: SweepPaths;
  readonly #grid: GridLook | null;
  #open: { generation: number; queue: TrialQueue } | null = null;

  /** `scheduler` is null where pilots are processes of this machine. */
  constructor(root: string, sweep: string, scheduler: Scheduler | null = null) {
    this.sweep = sweep;
    this.#root = root;
    this.#paths = sweepPaths(root, sweep);
    this.#grid = scheduler && new GridLook(scheduler, this.#paths.submissions);
  }

  trialDirectory(trial: string): string {
    return `${this.#paths.trials}/${trial}`;
  }

  async isLaunched(): Promise<boolean> {
    return existsSync(this.#paths.plan);
  }

  /** Throws Failure `sweep-unknown` where nothing was launched. */
  async read(): Promise<SweepSnapshot> {
    const sweep = readSweep(this.#paths);
    if (sweep === null) throw notLaunched(this.sweep, this.#root);
    const now = clockOf(this.#paths.directory);
    const fileAges = new Map(
      sweep.trials.map((trial) => [trial.spec.id, this.#fileAges(trial, now)] as const),
    );
    return { ...sweep, fileAges };
  }

  async witnesses(): Promise<Witnesses | null> {
    const queue = await this.#answeringQueue();
    if (queue === null) return null;
    const pools = readPlan(this.#paths)?.pools.map(({ pool }) => pool) ?? [];
    const asked = [queue.leases.all(), queue.liveTrials(), queue.connectedPilots(pools)] as const;
    try {
      const [leases, live, pilots] = await answered(Promise.all(asked), ANSWER_MILLISECONDS);
      return { leases, live, pilots };
    } catch (error) {
      await this.close();
      if (error instanceof Failure) return null;
      throw error;
    }
  }

  async grid(silent: readonly string[]): Promise<GridWitness | null> {
    return this.#grid?.look(silent) ?? null;
  }

  async apply({ trial, attempt, ...action }: ReconcileAction): Promise<void> {
    const directory = this.trialDirectory(trial);
    if (action.kind === "publish") publishResult(directory, attempt);
    else recordEnd(directory, attempt, action.exit);
  }

  async reconcile(options: { rebuild: boolean }): Promise<QueueChanges | null> {
    const queue = await this.#answeringQueue();
    return queue && reconcileQueue(this.#paths, queue, options);
  }

  async recordIntent(intent: Intent): Promise<void> {
    recordIntent(this.#paths, intent);
  }

  async readPart({ trial, attempt, file, offset }: AttemptFile): Promise<FilePart> {
    return readPart(attemptPaths(this.trialDirectory(trial), attempt)[file], offset);
  }

  async download({ trial, path: name, offset }: TrialFile, target: Writable): Promise<void> {
    const file = path.join(this.trialDirectory(trial), name);
    if (!existsSync(file)) throw missingFile(file);
    await pipeline(createReadStream(file, { start: offset }), target);
  }

  async close(): Promise<void> {
    const open = this.#open;
    this.#open = null;
    await open?.queue.close();
  }

  async #answeringQueue(): Promise<TrialQueue | null> {
    const address = newestBroker(this.#root);
    // Asked on a connection of its own, which gives up at once where nobody listens.
    if (address === null || !(await brokerAnswers(address, ANSWER_MILLISECONDS))) return null;
    return this.#queueAt(address);
  }

  /** Kept open between looks, until a broker of another generation takes over. */
  async #queueAt(address: BrokerAddress): Promise<TrialQueue> {
    if (this.#open?.generation === address.generation) return this.#open.queue;
    await this.close();
    const plan = readPlan(this.#paths);
    if (plan === null) throw notLaunched(this.sweep, this.#root);
    // Loaded where a broker answers only: it takes as long as all the rest.
    const { TrialQueue } = await import("../../worker/queue/trial-queue.ts");
    const queue = new TrialQueue(address, { sweep: this.sweep, leaseSeconds: plan.lease_seconds });
    this.#open = { generation: address.generation, queue };
    return queue;
  }

  /** `now` is by the clock that stamped these files: no two clocks are compared. */
  #fileAges({ spec, record }: SweepRecord["trials"][number], now: number): FileAges {
    const directory = this.trialDirectory(spec.id);
    const age = (file: string): number | null => {
      const written = statSync(file, { throwIfNoEntry: false })?.mtimeMs;
      return written === undefined ? null : Math.max(0, (now - written) / 1000);
    };
    const ages: FileAges = { result: null, exit: null, claim: null };
    const newest = record.attempts.at(-1);
    if (record.result) return { ...ages, result: age(trialPaths(directory).result) };
    if (!newest) return ages;
    const files = attemptPaths(directory, newest.attempt);
    return newest.exit ? { ...ages, exit: age(files.exit) } : { ...ages, claim: age(files.claim) };
  }
}

function missingFile(file: string): Failure {
  return new Failure({
    reason: "file-invalid",
    message: `there is no ${file}`,
    remedy: "See `qsweep status` for what the trial has.",
  });
}

export function notLaunched(sweep: string, root: string): Failure {
  return new Failure({
    reason: "sweep-unknown",
    message: `sweep "${sweep}" is not launched: there is none of that name in ${root}`,
    remedy: "Launch it first: qsweep launch FILE.",
  });
}

/** Where nothing can be written, for want of space or permission, our own clock must do. */
function clockOf(directory: string): number {
  try {
    return fileClock(directory);
  } catch {
    return Date.now();
  }
}

function readPart(file: string, offset: number): FilePart {
  if (!existsSync(file)) return { bytes: Buffer.alloc(0), start: 0 };
  const descriptor = openSync(file, "r");
  try {
    const { size } = fstatSync(descriptor);
    const start = offset < 0 ? Math.max(0, size + offset) : Math.min(offset, size);
    const buffer = Buffer.alloc(Math.min(size - start, MAX_PART_BYTES));
    const length = readSync(descriptor, buffer, 0, buffer.length, start);
    return { bytes: buffer.subarray(0, length), start };
  } finally {
    closeSync(descriptor);
  }
}
