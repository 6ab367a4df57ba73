import { setTimeout as delay } from "node:timers/promises";
import type { BrokerAddress } from "../contract/trial-files.ts";
import { markDone } from "../files/submission-directory.ts";
import { newestBroker } from "../queue/broker-address.ts";
import { brokerAnswers, generationAt } from "../queue/broker-connection.ts";
import type { BrokerSettings } from "./broker-settings.ts";
import { claimGeneration, lookForBroker } from "./generations.ts";
import { IdleTime } from "./idle-time.ts";
import { shutDown } from "./redis-process.ts";
import { startBroker } from "./start-broker.ts";

const MAX_LOOK_SECONDS = 5;
const LOOKS_PER_LEASE = 3;

export interface BrokerRun extends BrokerSettings {
  /** Of the grid job, and what of it was over when this process began. */
  walltimeSeconds: number;
  elapsedSeconds: number;
  /** Left of the walltime when the broker ends, for the task that follows. */
  marginSeconds: number;
  /** Directory of the submission whose task this is. */
  submission: string;
  leaving: AbortSignal;
  log: (line: string) => void;
}

/**
 * A site's broker as a task of its own grid job. While another broker answers it stands by; then it
 * claims the next generation and runs it with the data of the one before, again after each time
 * that Redis was killed. It ends at its walltime margin or when asked to, with everything on disk:
 * the next task follows. When every sweep is settled and no pilot has been there for two leases it
 * marks the submission as done, and tasks that follow have nothing to do.
 */
export async function runBroker(run: BrokerRun): Promise<void> {
  const { root, log, submission } = run;
  const seconds = run.walltimeSeconds - run.elapsedSeconds - run.marginSeconds;
  const timer = new AbortController();
  const alarm = setTimeout(() => timer.abort(), Math.max(0, seconds) * 1000);
  const leaving = AbortSignal.any([run.leaving, timer.signal]);
  const idle = new IdleTime(run);
  let isOver = false;
  while (!isOver && !leaving.aborted) {
    const { running, claimed } = await lookForBroker({ ...run, leaving });
    if (running) {
      log(`generation ${running.generation} answers: standing by`);
      isOver = await watch({ ...run, leaving }, idle, running, () => brokerAnswers(running));
    } else if (!leaving.aborted && claimGeneration(root, claimed + 1)) {
      isOver = await serve({ ...run, leaving }, idle, claimed + 1);
    }
  }
  clearTimeout(alarm);
  if (isOver) markDone(submission);
  log(isOver ? "every sweep is settled" : "leaving: the next task follows");
}

/** Runs one generation to its end; true when there is nothing to be done any more. */
async function serve(run: BrokerRun, idle: IdleTime, generation: number): Promise<boolean> {
  const broker = await startBroker(run, generation, { outlivesUs: false });
  const { address, process: server } = broker;
  run.log(`generation ${generation} on ${address.host}:${address.port}`);
  try {
    return await watch(run, idle, address, async () => {
      if (server.exitCode !== null || server.signalCode !== null) return false;
      // After a suspension another may have taken over: clients follow that one.
      return newestBroker(run.root)?.generation === generation && !(await hasLostData(address));
    });
  } finally {
    await shutDown(broker);
    run.log(`generation ${generation} ended`);
  }
}

/** Looks after a broker until it is of no use, or we are to leave; true: nothing is left to do. */
async function watch(
  { leaving, leaseSeconds }: BrokerRun,
  idle: IdleTime,
  address: BrokerAddress,
  isOfUse: () => Promise<boolean>,
): Promise<boolean> {
  const look = Math.min(MAX_LOOK_SECONDS, leaseSeconds / LOOKS_PER_LEASE) * 1000;
  while (!leaving.aborted) {
    await delay(look, undefined, { signal: leaving }).catch(() => {});
    if (leaving.aborted || !(await isOfUse())) return false;
    if (await idle.isLong(address)) return true;
  }
  return false;
}

/** Silence is no answer: a broker that is only slow has lost nothing. */
async function hasLostData(address: BrokerAddress): Promise<boolean> {
  const generation = await generationAt(address).catch(() => null);
  return generation !== null && generation !== address.generation;
}
