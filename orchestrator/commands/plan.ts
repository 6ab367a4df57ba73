import type { Command } from "commander";
import type { Answer, Output } from "../output/output.ts";
import { renderPlan } from "../output/plan-table.ts";
import { resolveSweep } from "../sweep/resolve-sweep.ts";
import { withExample, withJson, withSets } from "./command-options.ts";

/** Adds `plan FILE`: shows every trial in the order of hand-out, and creates nothing. */
export function registerPlanCommand(program: Command, output: Output): void {
  const command = program
    .command("plan <file>")
    .description("show the trials that a sweep file makes")
    .action(async (file: string, { set = [] }: { set?: string[] }) => {
      output.show(await planSweep(file, set));
    });
  withSets(withJson(withExample(command, "qsweep plan configs/sweeps/demo.yaml --set pilots=1")));
}

async function planSweep(file: string, sets: readonly string[]): Promise<Answer> {
  const sweep = await resolveSweep(file, sets);
  const { name, specs, excluded, pools } = sweep;
  return {
    value: {
      sweep: name,
      trials: specs.map(({ id, arm, seed, params }) => ({ id, arm, seed, params })),
      excluded,
      pools,
    },
    text: (style) => renderPlan(sweep, style),
  };
}
