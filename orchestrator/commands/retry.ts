import type { Command } from "commander";
import { Failure } from "../../worker/contract/failure.ts";
import type { Answer, Output } from "../output/output.ts";
import { plural } from "../output/quantity-text.ts";
import type { OpenSweep, SweepAccess } from "../ports/sweep-access.ts";
import { hasPilots, type TrialStatus } from "../tracking/sweep-status.ts";
import { withExample, withJson } from "./command-options.ts";
import { readStatus } from "./read-status.ts";
import { findTrial, usingSweep } from "./using-sweep.ts";

/** Adds `retry NAME|FILE [TRIAL…|--failed]`: failed and stopped trials are handed out again. */
export function registerRetryCommand(program: Command, output: Output, openSweep: OpenSweep): void {
  const command = program
    .command("retry <sweep> [trials...]")
    .description("hand out again trials that failed or were stopped: all of them, or those named")
    .option("--failed", "only those that failed")
    .action(async (sweep: string, named: string[], { failed }: { failed?: boolean }) => {
      const choose = (trials: readonly TrialStatus[]) =>
        named.length > 0
          ? namedTrials(trials, named)
          : trials.filter(({ state }) => state === "failed" || (!failed && state === "stopped"));
      output.show(await usingSweep(openSweep, sweep, (access) => retryTrials(access, choose)));
    });
  withJson(withExample(command, "qsweep retry demo --failed"));
}

function namedTrials(trials: readonly TrialStatus[], named: readonly string[]): TrialStatus[] {
  return named.map((one) => {
    const trial = findTrial(trials, one);
    if (trial.state === "failed" || trial.state === "stopped") return trial;
    throw new Failure({
      reason: "sweep-conflict",
      message: `trial ${trial.id} is ${trial.state}: only failed and stopped trials can be retried`,
      remedy: "Leave it out; nothing was changed.",
    });
  });
}

async function retryTrials(
  access: SweepAccess,
  choose: (trials: readonly TrialStatus[]) => TrialStatus[],
): Promise<Answer> {
  const status = await readStatus(access);
  const { sweep, trials } = status;
  const chosen = choose(trials);
  const ids = chosen.map(({ id }) => id);
  if (ids.length > 0) {
    await access.recordIntent({
      version: 1,
      kind: "retry",
      trials: ids,
      // Failures up to here are forgiven; later ones count anew.
      after_attempt: Object.fromEntries(chosen.map(({ id, attempt }) => [id, attempt ?? 0])),
      time: new Date().toISOString(),
    });
  }
  const value = { sweep, intent: "retry", trials: ids };
  return { value, text: () => retryText(ids.length, hasPilots(status)) };
}

function retryText(count: number, isAttended: boolean): string {
  if (count === 0) return "Nothing to retry: no such trial failed or was stopped.\n";
  const next = isAttended
    ? "Pilots are there and will find out by themselves."
    : "No pilot is left: `qsweep launch FILE` starts some.";
  return `${plural(count, "trial")} may be handed out again.\n${next}\n`;
}
