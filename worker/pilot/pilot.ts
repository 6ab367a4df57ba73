import { randomBytes } from "node:crypto";
import { rmSync } from "node:fs";
import type { BrokerSettings } from "../broker/ensure-broker.ts";
import { writeFileDurably } from "../files/durable-write.ts";
import { sweepPaths } from "../files/sweep-directory.ts";
import { answered } from "../queue/broker-connection.ts";
import { syncSweep } from "../queue/sync-sweep.ts";
import { BrokerSession } from "./broker-session.ts";
import { claimTrial } from "./claim-trial.ts";
import { runAttempt } from "./run-attempt.ts";

/** An idle pilot looks at the trial directories this often within a lease. */
const SYNCS_PER_LEASE = 3;

export interface PilotSettings extends BrokerSettings {
  sweep: string;
  /** The scheduler's name for this pilot; a nonce is added, as a rerun shares the name. */
  name: string;
  threads: number;
  /**
   * Written before the last look for work, so that whoever adds work and then counts pilots either
   * is seen by this pilot or does not count it.
   */
  signOffFile: string;
  /** Aborted when the pilot is to hand back what it has and leave. */
  leaving: AbortSignal;
  log: (line: string) => void;
}

/**
 * Pulls trials of one sweep and has them trained, one at a time, until every trial is settled. The
 * last pilot of a site to leave ends the broker.
 */
export async function runPilot(settings: PilotSettings): Promise<void> {
  const { root, sweep, threads, leaseSeconds, signOffFile, leaving, log } = settings;
  const pilot = `${settings.name}.${randomBytes(4).toString("hex")}`;
  const paths = sweepPaths(root, sweep);
  const session = new BrokerSession(settings, sweep);
  log(`pilot ${pilot} of sweep ${sweep}, process ${process.pid}, ${threads} threads`);
  let hasSignedOff = false;
  const signOff = (isOff: boolean): void => {
    if (isOff) writeFileDurably(signOffFile, "");
    else rmSync(signOffFile, { force: true });
    hasSignedOff = isOff;
  };
  signOff(false);
  let nextSync = 0;
  while (!leaving.aborted) {
    const handOut = await session.use(async (queue) => {
      await answered(queue.pilots.present(pilot, leaseSeconds));
      return queue.pull();
    });
    if (handOut === null) {
      if (performance.now() < nextSync) continue;
      const unsettled = await session.use((queue) => syncSweep(paths, queue));
      if (unsettled === 0 && hasSignedOff) break;
      signOff(unsettled === 0);
      if (unsettled > 0) nextSync = performance.now() + (leaseSeconds * 1000) / SYNCS_PER_LEASE;
      continue;
    }
    signOff(false);
    const { trial } = handOut;
    const attempt = await session.use(({ leases }) => claimTrial({ paths, leases, trial, pilot }));
    await handOut
      .acknowledge()
      .catch((error: unknown) => log(`not acknowledged: ${String(error)}`));
    if (attempt === null) continue;
    log(`trial ${trial}, attempt ${attempt}`);
    const run = { paths, session, trial, attempt, pilot, threads, leaseSeconds, leaving };
    await runAttempt(run);
  }
  log(leaving.aborted ? "asked to leave" : "every trial is settled");
  const others = await session.use((queue) => answered(queue.pilots.leave(pilot)));
  if (others === 0) await session.use((queue) => queue.shutDownBroker());
  await session.close();
}
