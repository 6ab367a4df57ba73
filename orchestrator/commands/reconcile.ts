import type { Command } from "commander";
import type { QueueChanges } from "../../worker/queue/reconcile-queue.ts";
import type { Answer, Output } from "../output/output.ts";
import { plural } from "../output/quantity-text.ts";
import type { OpenSweep, SweepAccess } from "../ports/sweep-access.ts";
import { withExample, withJson } from "./command-options.ts";
import { readStatus } from "./read-status.ts";
import { usingSweep } from "./using-sweep.ts";

/**
 * Adds `reconcile NAME|FILE [--rebuild]`: says where the broker's queue differed from the trial
 * directories, and brings it in line. Commands and pilots do this by themselves; here it is seen.
 */
export function registerReconcileCommand(
  program: Command,
  output: Output,
  openSweep: OpenSweep,
): void {
  const command = program
    .command("reconcile <sweep>")
    .description("bring the broker's queue in line with the trial directories")
    .option("--rebuild", "have the broker forget the sweep first, and tell it all anew")
    .action(async (sweep: string, { rebuild = false }: { rebuild?: boolean }) => {
      output.show(await usingSweep(openSweep, sweep, (access) => reconcile(access, { rebuild })));
    });
  withJson(withExample(command, "qsweep reconcile demo --rebuild"));
}

async function reconcile(access: SweepAccess, options: { rebuild: boolean }): Promise<Answer> {
  // What evidence says of attempts is recorded first: it may change what is to be handed out.
  const { sweep } = await readStatus(access);
  const queue = await access.reconcile(options);
  return { value: { sweep, queue }, text: () => reconcileText(sweep, queue) };
}

function reconcileText(sweep: string, queue: QueueChanges | null): string {
  if (queue === null) {
    return (
      `${sweep}: no broker answers, so there is no queue to bring in line.\n` +
      "One that starts reads the trial directories: `qsweep launch FILE` sees to that.\n"
    );
  }
  const { rebuilt, waiting, missing, published, registered, released } = queue;
  const lines = [
    missing > 0 && `${plural(missing, "waiting trial")} added to the queue`,
    published.length > 0 && `${plural(published.length, "result")} made that of its trial`,
    registered.length > 0 &&
      `${plural(registered.length, "attempt")} without a lease, given one lease of time`,
    released.length > 0 &&
      `${plural(released.length, "lease")} of attempts that are over, released`,
  ].filter((line) => line !== false);
  const how = rebuilt ? "rebuilt from the trial directories" : "compared with its directories";
  const found = lines.length === 0 ? ["nothing differed"] : lines;
  const now = `${plural(waiting, "trial")} in the queue now`;
  return [`${sweep}: ${how}`, ...[...found, now].map((line) => `  ${line}`), ""].join("\n");
}
