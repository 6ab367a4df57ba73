import type { Command } from "commander";
import type { Answer, Output } from "../output/output.ts";
import { plural } from "../output/quantity-text.ts";
import type { OpenSweep, SweepAccess } from "../ports/sweep-access.ts";
import { isSettled } from "../tracking/trial-state.ts";
import { withExample, withJson } from "./command-options.ts";
import { readStatus } from "./read-status.ts";
import { findTrial, usingSweep } from "./using-sweep.ts";

/** Adds `stop NAME|FILE [TRIAL…]`: pilots checkpoint those trials and hand them back. */
export function registerStopCommand(program: Command, output: Output, openSweep: OpenSweep): void {
  const command = program
    .command("stop <sweep> [trials...]")
    .description("have trials checkpointed and no longer run: the whole sweep, or those named")
    .action(async (sweep: string, trials: string[]) => {
      output.show(await usingSweep(openSweep, sweep, (access) => stopTrials(access, trials)));
    });
  withJson(withExample(command, "qsweep stop demo t3f2a91"));
}

async function stopTrials(access: SweepAccess, named: readonly string[]): Promise<Answer> {
  const { sweep, trials, grid } = await readStatus(access);
  const meant = named.length === 0 ? trials : named.map((one) => findTrial(trials, one));
  const open = meant.filter(({ state }) => !isSettled(state));
  const ids = open.map(({ id }) => id);
  if (ids.length > 0) {
    const time = new Date().toISOString();
    await access.recordIntent({
      version: 1,
      kind: "stop",
      trials: named.length === 0 ? "all" : ids,
      time,
    });
  }
  const waiting = open.filter(({ state }) => state === "queued" || state === "planned").length;
  const goesOn = trials.some(({ id, state }) => !isSettled(state) && !ids.includes(id));
  const idle = goesOn ? [] : (grid?.pools ?? []);
  const text = stopText({
    sweep,
    underWay: open.length - waiting,
    waiting,
    idlePilots: idle.reduce((sum, pool) => sum + pool.waiting, 0),
  });
  return { value: { sweep, intent: "stop", trials: ids }, text: () => text };
}

interface StopCounts {
  sweep: string;
  underWay: number;
  waiting: number;
  /** Pilots that wait at the scheduler, with nothing left for them to do. */
  idlePilots: number;
}

function stopText({ sweep, underWay, waiting, idlePilots }: StopCounts): string {
  if (underWay + waiting === 0) return "Nothing to stop: these trials are settled.\n";
  const lines: string[] = [];
  if (underWay > 0) {
    lines.push(`${plural(underWay, "trial")} asked to checkpoint and stop.`);
  }
  if (waiting > 0) lines.push(`${plural(waiting, "waiting trial")} will not be started.`);
  if (idlePilots > 0) {
    lines.push(`${plural(idlePilots, "waiting pilot")} will find nothing to do and end at once.`);
  }
  lines.push(`See \`qsweep status ${sweep}\`; \`qsweep retry ${sweep}\` takes it back.`);
  return `${lines.join("\n")}\n`;
}
