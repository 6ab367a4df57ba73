import { randomBytes } from "node:crypto";
import type { BrokerSettings } from "../broker/broker-settings.ts";
import { Failure } from "../contract/failure.ts";
import type { AttemptExit } from "../contract/trial-files.ts";
import { featuresDirectory } from "../files/feature-directory.ts";
import { acceptGridJob } from "../files/submission-directory.ts";
import { type SweepPaths, sweepPaths } from "../files/sweep-directory.ts";
import { answered } from "../queue/broker-connection.ts";
import { syncSweep } from "../queue/sync-sweep.ts";
import type { PulledHandOut } from "../queue/trial-queue.ts";
import { BrokerSession, isSilence } from "./broker-session.ts";
import { claimTrial } from "./claim-trial.ts";
import type { GpuRequest } from "./gpu-rule.ts";
import { runAttempt } from "./run-attempt.ts";
import { SignOff } from "./sign-off.ts";
import { type PilotClock, Slice, type SliceLimits, systemClock } from "./slice.ts";
import { type TakenGpus, takeGpus } from "./take-gpus.ts";
import { type Trainer, TrainerProcess, type TrainerStart } from "./trainer-process.ts";

/** An idle pilot looks at the trial directories this often within a lease. */
const LOOKS_PER_LEASE = 3;
/** The first image of a large encoder takes its time, and so do file servers. */
const LEAST_PATIENCE_SECONDS = 60;

export interface PilotSettings extends BrokerSettings {
  sweep: string;
  /** The pool whose trials it is given. */
  pool: string;
  /** Directory of the submission that it is part of. */
  submission: string;
  /**
   * The scheduler's name for this pilot, GRID-JOB.TASK; a nonce is added, as a rerun shares it.
   */
  name: string;
  threads: number;
  /** See `SignOff`. */
  signOffFile: string;
  /** Null where nothing but signals ends a pilot. */
  slice: SliceLimits | null;
  /** Null where GPUs are left as they are. */
  gpus: GpuRequest | null;
  /** For what the frozen encoders of all sweeps of the site keep. */
  featuresLimitBytes: number;
  /** Aborted when the pilot is to hand back what it has and leave. */
  leaving: AbortSignal;
  log: (line: string) => void;
}

/** What tests and measurements put in the place of real things. */
export interface PilotParts {
  clock?: PilotClock;
  startTrainer?: (start: TrainerStart) => Trainer;
}

/** A pilot at work. */
interface Work {
  settings: PilotSettings;
  parts: PilotParts;
  pilot: string;
  paths: SweepPaths;
  session: BrokerSession;
  slice: Slice;
  gpus: TakenGpus | null;
  signOff: SignOff;
  /** Aborted by a signal, or at the end of the slice. */
  leaving: AbortSignal;
}

/**
 * Pulls trials of one sweep and has them trained, one at a time, until every trial of its pool is
 * settled, its slice is over, or it is asked to leave. The last pilot of a machine of its own to
 * leave ends the broker. Throws Failure `broker-unreachable` when no broker came up in the time
 * set for that, `gpu-unknown` and `site-invalid`; no trial is the worse for it.
 */
export async function runPilot(settings: PilotSettings, parts: PilotParts = {}): Promise<void> {
  const { root, sweep, pool, name, submission, threads, log } = settings;
  const job = name.slice(0, name.lastIndexOf("."));
  if (!acceptGridJob(submission, job)) {
    log(`grid job ${job} leaves: another one was accepted for ${submission}`);
    return;
  }
  const slice = new Slice(settings.slice, parts.clock ?? systemClock);
  const pilot = `${name}.${randomBytes(4).toString("hex")}`;
  log(`pilot ${pilot} of sweep ${sweep}, process ${process.pid}, ${threads} threads`);
  const gpus = settings.gpus && (await takeGpus(settings.gpus));
  if (gpus) log(gpus.devices === "" ? "no GPU" : `GPU ${gpus.devices}`);
  const leaving = AbortSignal.any([settings.leaving, slice.over]);
  const session = new BrokerSession({ ...settings, leaving }, { sweep, pool });
  const signOff = new SignOff({ file: settings.signOffFile, submission });
  const paths = sweepPaths(root, sweep);
  const work = { settings, parts, pilot, paths, session, slice, gpus, signOff, leaving };
  try {
    await pullTrials(work);
    await takeLeave(work);
  } catch (error) {
    // The directories say all there is to know; who leaves waits for no broker.
    if (!leaving.aborted || !isSilence(error)) throw error;
    log("left without a word to the broker: it does not answer");
  } finally {
    await session.close();
    slice.close();
    gpus?.release();
  }
}

/** Returns when every trial of the pool is settled, or when it is time to leave. */
async function pullTrials(work: Work): Promise<void> {
  const { settings, pilot, session, slice, signOff, leaving } = work;
  const { leaseSeconds } = settings;
  let nextLook = 0;
  let isPresent = false;
  while (!leaving.aborted && slice.hasRoom) {
    const handOut = await session.use(async (queue) => {
      if (!isPresent) await answered(queue.pilots.present(pilot, leaseSeconds));
      return queue.pull();
    });
    isPresent = false;
    if (handOut !== null) {
      signOff.takeBack();
      // Who has an attempt behind it has just been heard of.
      isPresent = await attend(work, handOut);
      nextLook = 0;
    } else if (performance.now() >= nextLook) {
      if (await signsOff(work)) return;
      nextLook = performance.now() + (leaseSeconds * 1000) / LOOKS_PER_LEASE;
    }
  }
}

/** Signs off if every trial of the pool is settled, before as well as after that. */
async function signsOff({ settings, paths, session, signOff }: Work): Promise<boolean> {
  const look = async (): Promise<boolean> => {
    const unsettled = await session.use((queue) => syncSweep(paths, queue));
    return (unsettled.get(settings.pool) ?? 0) === 0;
  };
  let isSettled = await look();
  if (!isSettled) return false;
  signOff.give({ settled: true });
  isSettled = false;
  try {
    isSettled = await look();
  } finally {
    if (!isSettled) signOff.takeBack();
  }
  return isSettled;
}

/** Claims what was handed out and has it trained; false if somebody else has it. */
async function attend(work: Work, handOut: PulledHandOut): Promise<boolean> {
  const { settings, parts, pilot, paths, session, slice, gpus } = work;
  const { root, threads, leaseSeconds, leaving, log } = settings;
  const { trial } = handOut;
  const attempt = await session.use(({ leases }) => claimTrial({ paths, leases, trial, pilot }));
  await handOut.acknowledge().catch((error: unknown) => log(`not acknowledged: ${String(error)}`));
  if (attempt === null) return false;
  log(`trial ${trial}, attempt ${attempt}`);
  const { startTrainer = (start) => new TrainerProcess(start) } = parts;
  const run = { paths, session, trial, attempt, pilot, threads, leaseSeconds, leaving };
  const features = {
    directory: featuresDirectory(root),
    limit_bytes: settings.featuresLimitBytes,
    patience_seconds: Math.max(leaseSeconds, LEAST_PATIENCE_SECONDS),
  };
  const exit = await runAttempt({ ...run, slice, gpus, features, startTrainer });
  log(`trial ${trial}, attempt ${attempt}: ${exit.outcome}`);
  if (hasNoGpu(exit)) throw brokenGpu(exit.failure.message);
  return true;
}

async function takeLeave({ settings, pilot, session, slice, signOff }: Work): Promise<void> {
  const { leaving, placement, log } = settings;
  // Launches need not count on it any more; other tasks of the submission go on.
  if (!signOff.isGiven) signOff.give({ settled: false });
  if (leaving.aborted) log("asked to leave");
  else if (slice.over.aborted) log("leaving: only the margin of the walltime is left");
  else if (!slice.hasRoom) log("leaving: what is left of the walltime is too short for a trial");
  else log("every trial is settled");
  const others = await session.use((queue) => answered(queue.pilots.leave(pilot)));
  // Elsewhere the broker may be about to serve others, and does not depend on pilots to end.
  if (others === 0 && placement === "here") await session.use((queue) => queue.shutDownBroker());
}

type FailedExit = Extract<AttemptExit, { outcome: "failed" }>;

function hasNoGpu(exit: AttemptExit): exit is FailedExit {
  return exit.outcome === "failed" && exit.failure.reason === "gpu-unknown";
}

/** Another trial would fare no better here. */
function brokenGpu(problem: string): Failure {
  return new Failure({
    reason: "gpu-unknown",
    message: `this pilot leaves, as trainers cannot use its GPU: ${problem}`,
    remedy: "See the trial's log; a site without CUDA libraries needs sge.gpu_rule: none.",
  });
}
