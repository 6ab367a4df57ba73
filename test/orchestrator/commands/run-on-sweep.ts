import { runCommandLine } from "../../../orchestrator/command-line.ts";
import { registerBestCommand } from "../../../orchestrator/commands/best.ts";
import { registerLogsCommand } from "../../../orchestrator/commands/logs.ts";
import { registerReconcileCommand } from "../../../orchestrator/commands/reconcile.ts";
import { registerRetryCommand } from "../../../orchestrator/commands/retry.ts";
import { registerStatusCommand } from "../../../orchestrator/commands/status.ts";
import { registerStopCommand } from "../../../orchestrator/commands/stop.ts";
import type { Pause } from "../../../orchestrator/commands/watch-sweep.ts";
import { watchView } from "../../../orchestrator/output/watch-view.ts";
import type { OpenSweep } from "../../../orchestrator/ports/sweep-access.ts";

/** Runs `qsweep WORDS` in this process on the sweep that `openSweep` gives. */
export async function runOnSweep(openSweep: OpenSweep, words: string[], pause?: Pause) {
  const printed = { stdout: "", stderr: "" };
  const stdout = { write: (text: string) => (printed.stdout += text) };
  const exitCode = await runCommandLine({
    words,
    stdout,
    stderr: { write: (text) => (printed.stderr += text) },
    environment: {},
    register(program, output) {
      const view = () => watchView({ words, stdout, environment: {} });
      registerStatusCommand(program, output, { openSweep, watchView: view, columns: undefined });
      registerLogsCommand(program, output, { openSweep, stdout, ...(pause && { pause }) });
      registerStopCommand(program, output, openSweep);
      registerRetryCommand(program, output, openSweep);
      registerReconcileCommand(program, output, openSweep);
      registerBestCommand(program, output, openSweep);
    },
  });
  return { exitCode, ...printed };
}
