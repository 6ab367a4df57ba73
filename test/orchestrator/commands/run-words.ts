import { runCommandLine } from "../../../orchestrator/command-line.ts";
import { commandSites } from "../../rig/command-sites.ts";
import { jobScript } from "../../../orchestrator/adapters/job-script.ts";
import { registerCheckCommand } from "../../../orchestrator/commands/check.ts";
import { registerPlanCommand } from "../../../orchestrator/commands/plan.ts";

/** Runs `qsweep WORDS` in this process. */
export async function runWords(...words: string[]) {
  const sites = commandSites();
  const printed = { stdout: "", stderr: "" };
  const exitCode = await runCommandLine({
    words,
    stdout: { write: (text) => (printed.stdout += text) },
    stderr: { write: (text) => (printed.stderr += text) },
    environment: {},
    register(program, output) {
      registerCheckCommand(program, output, sites);
      registerPlanCommand(program, output, { sites, jobScript });
      program.command("break").action(() => {
        throw new TypeError("planted");
      });
    },
  });
  return { exitCode, ...printed };
}
