import type { Command } from "commander";
import type { Answer, Output } from "../output/output.ts";
import { countText } from "../output/plan-table.ts";
import type { Sites } from "../ports/sites.ts";
import { resolveSweep } from "../sweep/resolve-sweep.ts";
import { withExample, withJson, withSets } from "./command-options.ts";

/** Adds `check FILE`: says whether a sweep could be launched, and creates nothing. */
export function registerCheckCommand(program: Command, output: Output, sites: Sites): void {
  const command = program
    .command("check <file>")
    .description("say whether a sweep file is right: its values, models and data")
    .action(async (file: string, { set = [] }: { set?: string[] }) => {
      output.show(await checkSweep(file, set, sites));
    });
  withSets(withJson(withExample(command, "qsweep check configs/sweeps/demo.yaml")));
}

async function checkSweep(file: string, sets: readonly string[], sites: Sites): Promise<Answer> {
  const sweep = await resolveSweep(file, sets, (site) => sites.lazily(site));
  const { name, specs, arms, excluded } = sweep;
  return {
    value: { sweep: name, trials: specs.length, arms: arms.length, excluded },
    text: (style) => `${style.green("ok:")} ${countText(sweep)}\n`,
  };
}
