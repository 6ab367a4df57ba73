import { LocalLaunchSite } from "./adapters/local-launch-site.ts";
import { LocalScheduler } from "./adapters/local-scheduler.ts";
import { LocalWorkerProcess } from "./adapters/worker-process.ts";
import { runCommandLine } from "./command-line.ts";
import { registerCheckCommand } from "./commands/check.ts";
import { registerEngineCommand } from "./commands/engine.ts";
import { registerLaunchCommand } from "./commands/launch.ts";
import { registerPlanCommand } from "./commands/plan.ts";

// A reader that has seen enough, such as `head`, is no error.
process.stdout.on("error", (error: NodeJS.ErrnoException) => {
  if (error.code !== "EPIPE") throw error;
  process.exit();
});

const exitCode = await runCommandLine({
  words: process.argv.slice(2),
  stdout: process.stdout,
  stderr: process.stderr,
  environment: process.env,
  register(program, output) {
    registerCheckCommand(program, output);
    registerPlanCommand(program, output);
    registerLaunchCommand(program, output, {
      site: new LocalLaunchSite(new LocalScheduler()),
      remember: async () => {},
      watch: async () => {},
    });
    registerEngineCommand(program, new LocalWorkerProcess());
  },
});
// Set and not called: what is still in a pipe gets out. The worker's command sets its own.
if (exitCode !== 0) process.exitCode = exitCode;
