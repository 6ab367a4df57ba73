import { Command } from "commander";
import type { CommandOutput, Report } from "../../../worker/commands/command-report.ts";

/** Runs a worker's command in this process; what it reports is what `--json` prints. */
export async function runCommand(
  register: (program: Command, output: CommandOutput) => void,
  words: readonly string[],
): Promise<Report & { progress: string[] }> {
  const reports: Report[] = [];
  const progress: string[] = [];
  const program = new Command().exitOverride().configureOutput({ outputError: () => {} });
  register(program, {
    show: (report) => reports.push(report),
    progress: (line) => progress.push(line),
  });
  // As in the worker's own command line, errors of options included.
  for (const command of program.commands) {
    command.exitOverride().configureOutput({ outputError: () => {} });
  }
  await program.parseAsync([...words], { from: "user" });
  return { ...reports[0]!, progress };
}
