import { existsSync } from "node:fs";
import { hostname } from "node:os";
import path from "node:path";
import type { LiveTrial } from "../contract/live-trial.ts";
import type { TrialEvent } from "../contract/trial-event.ts";
import type { AttemptExit } from "../contract/trial-files.ts";
import { writeFileDurably } from "../files/durable-write.ts";
import { readWishes, type SweepPaths } from "../files/sweep-directory.ts";
import { attemptPaths, publishResult } from "../files/trial-directory.ts";
import { answered } from "../queue/broker-connection.ts";
import { type BrokerSession, isSilence } from "./broker-session.ts";
import { readDisposition } from "./claim-trial.ts";
import { startingView, viewAfter } from "./live-view.ts";
import { type TrainerEnd, TrainerProcess } from "./trainer-process.ts";

/** A lease is renewed this often within its length: missed answers do not lose it at once. */
const RENEWALS_PER_LEASE = 5;
const SHOW_MILLISECONDS = 1000;

export interface AttemptRun {
  paths: SweepPaths;
  session: BrokerSession;
  trial: string;
  attempt: number;
  pilot: string;
  threads: number;
  leaseSeconds: number;
  /** Aborted when the pilot itself is to leave. */
  leaving: AbortSignal;
}

/**
 * Has one claimed attempt trained by a child process: renews its lease, hands on stops, shows its
 * progress, and settles what follows from its end. Silence of the broker never ends an attempt.
 */
export async function runAttempt(run: AttemptRun): Promise<void> {
  const { paths, session, trial, attempt, pilot, threads } = run;
  const trialDirectory = path.join(paths.trials, trial);
  const shown = new ShownProgress(run);
  const trainer = new TrainerProcess({
    trialDirectory,
    attempt,
    threads,
    onEvent: (event) => shown.add(event),
  });
  const leave = (): void => trainer.stop("shutdown");
  run.leaving.addEventListener("abort", leave);
  if (run.leaving.aborted) leave();
  const renewals = keepRenewing(run, trainer);
  const end = await trainer.ended;
  renewals.stop();
  run.leaving.removeEventListener("abort", leave);
  recordDeath(trialDirectory, attempt, { end, step: shown.step });
  if (existsSync(attemptPaths(trialDirectory, attempt).result)) {
    publishResult(trialDirectory, attempt);
  }
  const next = readDisposition(paths, trial);
  await session.use(async (queue) => {
    await answered(queue.leases.release(trial, attempt));
    if (next.kind === "waiting") await queue.add([{ trial, attempt: next.attempt }]);
    await answered(queue.pilots.present(pilot, run.leaseSeconds));
  });
}

/**
 * Renews the lease again and again; a renewal that waits for a broker is not overtaken by another.
 */
function keepRenewing(run: AttemptRun, trainer: TrainerProcess): { stop: () => void } {
  let timer: NodeJS.Timeout | undefined;
  let stopped = false;
  const schedule = (): void => {
    if (stopped) return;
    timer = setTimeout(
      () => void renew(run, trainer).then(schedule),
      (run.leaseSeconds * 1000) / RENEWALS_PER_LEASE,
    );
  };
  schedule();
  return {
    stop: () => {
      stopped = true;
      clearTimeout(timer);
    },
  };
}

/** Renews the lease, and tells the trainer if it is superseded or the user wants it stopped. */
async function renew(run: AttemptRun, trainer: TrainerProcess): Promise<void> {
  const { session, trial, attempt, pilot, leaseSeconds } = run;
  if (readWishes(run.paths)(trial).stopped) trainer.stop("stop");
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
  trialDirectory: string,
  attempt: number,
  { end, step }: { end: TrainerEnd; step: number },
): void {
  const { exit } = attemptPaths(trialDirectory, attempt);
  if (existsSync(exit)) return;
  const how = end.signal ? `was killed by ${end.signal}` : `ended with status ${end.status}`;
  const failure = {
    reason: end.signal ? ("trainer-killed" as const) : ("trainer-crashed" as const),
    message: `the trainer ${how}; see log.txt of attempt ${attempt}`,
    retryable: true,
  };
  const record: AttemptExit = { version: 1, outcome: "failed", step, failure };
  writeFileDurably(exit, `${JSON.stringify(record)}\n`);
}

/** The live view of one attempt, sent to the broker at most once a second, newest state first. */
class ShownProgress {
  readonly #run: AttemptRun;
  #view: LiveTrial;
  #sending: Promise<void> | null = null;

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

  #send(): void {
    if (this.#sending) return;
    this.#sending = new Promise((resolve) => {
      setTimeout(() => {
        this.#sending = null;
        const view = this.#view;
        this.#run.session
          .use((queue) => queue.show(this.#run.trial, view))
          .catch((error: unknown) => {
            if (!isSilence(error)) throw error;
          })
          .finally(resolve);
      }, SHOW_MILLISECONDS).unref();
    });
  }
}
