import type { Command } from "commander";
import type { Answer, Output } from "../output/output.ts";
import { type PlannedPool, renderPlan, renderScripts } from "../output/plan-table.ts";
import type { Sites } from "../ports/sites.ts";
import { localInputs } from "../sweep/find-inputs.ts";
import { plannedFeatures } from "../sweep/planned-features.ts";
import { type Pool, type ResolvedSweep, resolveSweep } from "../sweep/resolve-sweep.ts";
import { withExample, withJson, withSets } from "./command-options.ts";

export interface PlanPorts {
  sites: Sites;
  /** What would be submitted for a pool; null where there is no scheduler. */
  jobScript: (sweep: ResolvedSweep, pool: Pool) => string | null;
}

/** Adds `plan FILE`: shows every trial in the order of hand-out, and creates nothing. */
export function registerPlanCommand(program: Command, output: Output, ports: PlanPorts): void {
  const command = program
    .command("plan <file>")
    .description("show the trials that a sweep file makes, and what would be submitted for them")
    .option("--script", "show the job scripts whole instead")
    .action(async (file: string, { set = [], script }: { set?: string[]; script?: boolean }) => {
      output.show(await planSweep({ file, sets: set, isScript: script === true }, ports));
    });
  withSets(withJson(withExample(command, "qsweep plan configs/sweeps/demo.yaml --set pilots=1")));
}

interface PlanRequest {
  file: string;
  sets: readonly string[];
  /** Whether people want the scripts and not the trials. */
  isScript: boolean;
}

async function planSweep(
  { file, sets, isScript }: PlanRequest,
  { sites, jobScript }: PlanPorts,
): Promise<Answer> {
  const sweep = await resolveSweep(file, sets, (site) => sites.lazily(site));
  const features = await plannedFeatures(sweep, {
    site: await sites.lazily(sweep.site),
    here: localInputs(sweep.site.root),
  });
  const { name, specs, excluded } = sweep;
  const pools = sweep.pools.map((one): PlannedPool => {
    const { pool, request, pilots, slices } = one;
    return { pool, request, pilots, slices, script: jobScript(sweep, one) };
  });
  return {
    value: {
      sweep: name,
      trials: specs.map(({ id, arm, seed, params }) => ({ id, arm, seed, params })),
      excluded,
      pools,
      features,
    },
    text: (style) =>
      isScript ? renderScripts(pools) : renderPlan(sweep, { pools, features }, style),
  };
}
