import { existsSync } from "node:fs";
import { hostname } from "node:os";
import path from "node:path";
import { setTimeout as delay } from "node:timers/promises";
import type { FeatureSettings } from "../contract/feature-files.ts";
import type { LiveTrial } from "../contract/live-trial.ts";
import type { TrialEvent } from "../contract/trial-event.ts";
import type { AttemptExit } from "../contract/trial-files.ts";
import { writeFileDurably } from "../files/durable-write.ts";
import { readWishes, type SweepPaths } from "../files/sweep-directory.ts";
import { attemptPaths, publishResult, readExit } from "../files/trial-directory.ts";
import { answered } from "../queue/broker-connection.ts";
import { type BrokerSession, isSilence } from "./broker-session.ts";
import { readDisposition } from "./claim-trial.ts";
import { startingView, viewAfter } from "./live-view.ts";
import type { Slice } from "./slice.ts";
import type { TakenGpus } from "./take-gpus.ts";
import type { Trainer, TrainerEnd, TrainerStart } from "./trainer-process.ts";

/** A lease is renewed this often within its length: missed answers do not lose it at once. */
const RENEWALS_PER_LEASE = 5;
const SHOW_MILLISECONDS = 1000;
/** Schedulers kill the processes of a grid job one by one: a trainer a moment before its pilot. */
const MILLISECONDS_TO_BE_KILLED_TOO = 1000;

export interface AttemptRun {
  paths: SweepPaths;
  session: BrokerSession;
  trial: string;
  attempt: number;
  pilot: string;
  threads: number;
  leaseSeconds: number;
  /** Aborted when the pilot is asked to leave. */
  leaving: AbortSignal;
  slice: Slice;
  /** Null where GPUs are left as they are. */
  gpus: TakenGpus | null;
  features: FeatureSettings;
  startTrainer: (start: TrainerStart) => Trainer;
}

/**
 * Has one claimed attempt trained by a child process: renews its lease, hands on stops, shows its
 * progress, and settles what follows from its end. Silence of the broker never ends an attempt.
 */
export async function runAttempt(run: AttemptRun): Promise<AttemptExit> {
  const { paths, session, trial, attempt, pilot, threads, slice } = run;
  const trialDirectory = path.join(paths.trials, trial);
  const shown = new ShownProgress(run);
  const watch = slice.watchAttempt();
  const trainer = run.startTrainer({
    trialDirectory,
    attempt,
    threads,
    devices: run.gpus?.devices ?? null,
    span: slice.wholeSpan(),
    features: run.features,
    onEvent: (event) => {
      watch(event);
      shown.add(event);
    },
  });
  const obligations = [
    onceAborted(run.leaving, () => trainer.stop("shutdown")),
    onceAborted(slice.over, () => trainer.stop("walltime")),
    repeatedly(run.leaseSeconds / RENEWALS_PER_LEASE, () => heed(run, trainer)),
    repeatedly(run.leaseSeconds / RENEWALS_PER_LEASE, () => renew(run, trainer)),
  ];
  const end = await trainer.ended;
  if (end.signal === "SIGKILL") await delay(MILLISECONDS_TO_BE_KILLED_TOO);
  for (const release of obligations) release();
  shown.close();
  const exit = readExit(trialDirectory, attempt) ?? recordDeath(run, { end, step: shown.step });
  if (existsSync(attemptPaths(trialDirectory, attempt).result)) {
    publishResult(trialDirectory, attempt);
  }
  // Nothing follows a finished attempt, so nobody need look.
  const next = exit.outcome === "finished" ? null : readDisposition(paths, trial);
  await session.use(async (queue) => {
    if (next?.kind === "waiting") await queue.add([{ trial, attempt: next.attempt }]);
    const release = queue.leases.release(trial, attempt);
    const present = queue.pilots.present(pilot, run.leaseSeconds);
    await answered(Promise.all([release, present]));
  });
  return exit;
}

/** Acts when a signal is aborted, or at once if it is; returns what takes that back. */
function onceAborted(signal: AbortSignal, action: () => void): () => void {
  signal.addEventListener("abort", action);
  if (signal.aborted) action();
  return () => signal.removeEventListener("abort", action);
}

/** Acts again and again, never twice at a time; returns what ends it. */
function repeatedly(seconds: number, action: () => Promise<void> | void): () => void {
  let timer: NodeJS.Timeout | undefined;
  let isOver = false;
  const schedule = (): void => {
    if (isOver) return;
    timer = setTimeout(() => void Promise.resolve(action()).then(schedule), seconds * 1000);
  };
  schedule();
  return () => {
    isOver = true;
    clearTimeout(timer);
  };
}

/** Hands on what the user wants, also while no broker answers. */
function heed({ paths, trial }: AttemptRun, trainer: Trainer): void {
  if (readWishes(paths)(trial).stopped) trainer.stop("stop");
}

/** Renews the lease, and tells the trainer if it is superseded. */
async function renew(run: AttemptRun, trainer: Trainer): Promise<void> {
  const { session, trial, attempt, pilot, leaseSeconds } = run;
  try {
    const held = await session.use(async (queue) => {
      await answered(queue.pilots.present(pilot, leaseSeconds));
      return answered(queue.leases.hold(trial, attempt, pilot));
    });
    if (!held) trainer.stop("superseded");
  } catch (error) {
    // The trainer goes on without a broker: its directory is the truth.
    if (!isSilence(error)) throw error;
  }
}

/**
 * A trainer that died without a word leaves no exit record: its parent saw the death and writes it.
 */
function recordDeath(
  { paths, trial, attempt }: AttemptRun,
  { end, step }: { end: TrainerEnd; step: number },
): AttemptExit {
  const how = end.signal ? `was killed by ${end.signal}` : `ended with status ${end.status}`;
  const failure = {
    reason: end.signal ? ("trainer-killed" as const) : ("trainer-crashed" as const),
    message: `the trainer ${how}; see log.txt of attempt ${attempt}`,
    retryable: true,
  };
  const record: AttemptExit = { version: 1, outcome: "failed", step, failure };
  const { exit } = attemptPaths(path.join(paths.trials, trial), attempt);
  writeFileDurably(exit, `${JSON.stringify(record)}\n`);
  return record;
}

/** The live view of one attempt, sent to the broker at most once a second, newest state first. */
class ShownProgress {
  readonly #run: AttemptRun;
  #view: LiveTrial;
  #isSending = false;
  #timer: NodeJS.Timeout | undefined;

  constructor(run: AttemptRun) {
    this.#run = run;
    this.#view = startingView(run.attempt, { pilot: run.pilot, host: hostname() });
    this.#send();
  }

  /** Steps done, as far as the trainer has told. */
  get step(): number {
    return this.#view.step ?? 0;
  }

  add(event: TrialEvent): void {
    this.#view = viewAfter(this.#view, event);
    this.#send();
  }

  /** Of an attempt that is over its directory tells. */
  close(): void {
    clearTimeout(this.#timer);
  }

  #send(): void {
    if (this.#isSending) return;
    this.#isSending = true;
    const { session, trial } = this.#run;
    this.#timer = setTimeout(() => {
      this.#isSending = false;
      session
        .use((queue) => queue.show(trial, this.#view))
        .catch((error: unknown) => {
          if (!isSilence(error)) throw error;
        });
    }, SHOW_MILLISECONDS).unref();
  }
}
