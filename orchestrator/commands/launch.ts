import type { Command } from "commander";
import type { Answer, Output } from "../output/output.ts";
import type { LaunchSite } from "../ports/launch-site.ts";
import { type ResolvedSweep, resolveSweep } from "../sweep/resolve-sweep.ts";
import { withExample, withJson, withSets } from "./command-options.ts";

export interface LaunchPorts {
  site: LaunchSite;
  /** Remembers where a sweep of this name is, for commands that are given the name alone. */
  remember: (sweep: ResolvedSweep) => Promise<void>;
  /** Shows the sweep until every trial is settled or the user has seen enough. */
  watch: (sweep: ResolvedSweep) => Promise<void>;
}

/**
 * Adds `launch FILE`: writes the sweep's directory, starts what is missing of broker and pilots, and
 * returns. The same again picks up where things stand.
 */
export function registerLaunchCommand(program: Command, output: Output, ports: LaunchPorts): void {
  const command = program
    .command("launch <file>")
    .description("run a sweep; launched again, it picks up where things stand")
    .option("--watch", "show the trials until all are settled; Ctrl-C leaves the sweep running")
    .action(async (file: string, { set = [], watch }: { set?: string[]; watch?: boolean }) => {
      const sweep = await resolveSweep(file, set);
      output.show(await launchSweep(sweep, ports));
      if (watch) await ports.watch(sweep);
    });
  withSets(withJson(withExample(command, "qsweep launch configs/sweeps/demo.yaml --watch")));
}

async function launchSweep(sweep: ResolvedSweep, { site, remember }: LaunchPorts): Promise<Answer> {
  const changes = await site.record(sweep);
  await remember(sweep);
  const unsettled = await site.unsettledTrials(sweep);
  const live = unsettled > 0 ? await site.livePilots(sweep) : 0;
  const pilots = Math.max(0, Math.min(sweep.pilots, unsettled) - live);
  if (unsettled > 0) await site.prepare(sweep);
  if (pilots > 0) await site.submitPilots(sweep, pilots);
  const value = { sweep: sweep.name, ...changes, unsettled, pilots: { live, submitted: pilots } };
  return { value, text: () => launchText(sweep, value) };
}

interface Launched {
  added: number;
  kept: number;
  removed: number;
  unsettled: number;
  pilots: { live: number; submitted: number };
}

function launchText({ name, specs, site }: ResolvedSweep, launched: Launched): string {
  const { added, kept, removed, unsettled, pilots } = launched;
  const left = removed > 0 ? `, ${removed} no longer in the file (kept on disk)` : "";
  const trials = `${name}: ${specs.length} trials on ${site.name} (${added} new, ${kept} known${left})`;
  const work =
    unsettled === 0
      ? "every trial is settled: nothing to run"
      : `${unsettled} to run; ${pilots.submitted} pilots started, ${pilots.live} running already`;
  return `${trials}\n${work}\n`;
}
