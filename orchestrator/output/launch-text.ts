import type { LaunchChanges, PoolNeed } from "../ports/launch-site.ts";
import type { ResolvedSweep } from "../sweep/resolve-sweep.ts";
import { plural } from "./quantity-text.ts";

/** What a launch did. */
export interface Launched extends LaunchChanges {
  pools: (PoolNeed & { submitted: number })[];
}

/** What a launch is about to change, as one line. */
export function changesText(
  { name, site, specs }: ResolvedSweep,
  { added, kept, removed }: LaunchChanges,
  { prune }: { prune: boolean },
): string {
  const fate = prune ? "stopped" : "going on; --prune stops them";
  const gone = removed.length > 0 ? `, ${removed.length} no longer in the file (${fate})` : "";
  const trials = `${plural(specs.length, "trial")} on ${site.name}`;
  return `${name}: ${trials} (${added.length} new, ${kept.length} known${gone})`;
}

interface LaunchCounts {
  unsettled: number;
  pilots: { live: number; submitted: number };
}

/** What a launch has started. */
export function launchText({ name, site }: ResolvedSweep, counts: LaunchCounts): string {
  const { unsettled, pilots } = counts;
  if (unsettled === 0) return "every trial is settled: nothing to run\n";
  const started = site.scheduler === "local" ? "started" : "submitted";
  const work = `${unsettled} to run; ${plural(pilots.submitted, "pilot")} ${started}`;
  const hint =
    site.scheduler === "local"
      ? ""
      : `They go on by themselves; look again: qsweep status ${name}\n`;
  return `${work}, ${pilots.live} there already\n${hint}`;
}
