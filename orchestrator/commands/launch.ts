import type { Command } from "commander";
import type { Answer, Output } from "../output/output.ts";
import { launchText, type Launched, changesText } from "../output/launch-text.ts";
import type { LaunchSite, PoolNeed } from "../ports/launch-site.ts";
import type { Sites } from "../ports/sites.ts";
import type { SweepAccess } from "../ports/sweep-access.ts";
import { type ResolvedSweep, resolveSweep } from "../sweep/resolve-sweep.ts";
import { withExample, withJson, withSets } from "./command-options.ts";
import { usingSweep } from "./using-sweep.ts";

export interface LaunchPorts {
  sites: Sites;
  /** Remembers where a sweep of this name is, for commands that are given the name alone. */
  remember: (sweep: ResolvedSweep) => void;
  /** Shows the sweep until every trial is settled or the user has seen enough. */
  watch: (access: SweepAccess) => Promise<void>;
}

interface LaunchOptions {
  set?: string[];
  watch?: boolean;
  prune?: boolean;
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
    .option("--prune", "stop trials that are no longer in the file; otherwise they go on")
    .action(async (file: string, { set = [], watch, prune = false }: LaunchOptions) => {
      const sweep = await resolveSweep(file, set, (site) => ports.sites.open(site));
      const site = await ports.sites.open(sweep.site);
      const launchSite = site.launchSite();
      const changes = await launchSite.compare(sweep);
      output.note(changesText(sweep, changes, { prune }));
      await site.upload(sweep.uploads);
      await launchSite.record(sweep, { prune });
      ports.remember(sweep);
      output.show(answer(sweep, { ...changes, pools: await startMissing(launchSite, sweep) }));
      const access = (name: string) => Promise.resolve(site.access(name));
      if (watch) await usingSweep(access, sweep.name, ports.watch);
    });
  withSets(withJson(withExample(command, "qsweep launch configs/sweeps/demo.yaml --watch")));
}

/**
 * Submits as many pilots to each pool as it has work for and may have at once. The broker's grid
 * job follows the first of them: where their request is refused, nothing of ours is left behind.
 */
async function startMissing(site: LaunchSite, sweep: ResolvedSweep): Promise<Launched["pools"]> {
  const needs = await site.pools(sweep);
  const isWanted = needs.some(({ unsettled }) => unsettled > 0);
  if (isWanted) await site.prepare(sweep);
  const pools: Launched["pools"] = [];
  for (const need of needs) {
    const hadPilots = pools.some(({ live, submitted }) => live + submitted > 0);
    const submitted = missingPilots(sweep, need);
    if (submitted > 0) await site.submitPilots(sweep, { pool: need.pool, pilots: submitted });
    if (isWanted && !hadPilots && need.live + submitted > 0) await site.submitBroker(sweep);
    pools.push({ ...need, submitted });
  }
  return pools;
}

function missingPilots({ pools }: ResolvedSweep, { pool, unsettled, live }: PoolNeed): number {
  const most = pools.find((one) => one.pool === pool)?.pilots ?? 0;
  return Math.max(0, Math.min(most, unsettled) - live);
}

function answer(sweep: ResolvedSweep, launched: Launched): Answer {
  const { added, kept, removed, pools } = launched;
  const sum = (count: (pool: Launched["pools"][number]) => number): number =>
    pools.reduce((total, pool) => total + count(pool), 0);
  const value = {
    sweep: sweep.name,
    added: added.length,
    kept: kept.length,
    removed: removed.length,
    unsettled: sum(({ unsettled }) => unsettled),
    pilots: { live: sum(({ live }) => live), submitted: sum(({ submitted }) => submitted) },
  };
  return { value, text: () => launchText(sweep, value) };
}
