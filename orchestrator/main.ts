import { existsSync } from "node:fs";
import { CommandSites } from "./adapters/command-sites.ts";
import { connectCluster } from "./adapters/connect-cluster.ts";
import { jobScript } from "./adapters/job-script.ts";
import { sweepOpener } from "./adapters/open-sweep.ts";
import { rememberSweep } from "./adapters/sweep-registry.ts";
import { LocalWorkerProcess } from "./adapters/worker-process.ts";
import { runCommandLine } from "./command-line.ts";
import { registerBestCommand } from "./commands/best.ts";
import { registerCheckCommand } from "./commands/check.ts";
import { registerLaunchCommand } from "./commands/launch.ts";
import { registerLogsCommand } from "./commands/logs.ts";
import { registerPlanCommand } from "./commands/plan.ts";
import { registerPredictCommand } from "./commands/predict.ts";
import { registerReconcileCommand } from "./commands/reconcile.ts";
import { registerRetryCommand } from "./commands/retry.ts";
import { registerSiteCommand } from "./commands/site.ts";
import { registerStatusCommand } from "./commands/status.ts";
import { registerStopCommand } from "./commands/stop.ts";
import { watchUntilInterrupted } from "./commands/watch-sweep.ts";
import { registerWorkerCommands } from "./commands/worker-commands.ts";
import { findNamedSite } from "./sweep/find-site.ts";
import type { ClusterSite } from "./sweep/site-config.ts";
import { watchView } from "./output/watch-view.ts";

// A reader that has seen enough, such as `head`, is no error.
process.stdout.on("error", (error: NodeJS.ErrnoException) => {
  if (error.code !== "EPIPE") throw error;
  process.exit();
});

const surroundings = {
  words: process.argv.slice(2),
  stdout: process.stdout,
  stderr: process.stderr,
  environment: process.env,
};
const view = () => watchView(surroundings);

/** For people; a program that reads the answer is told nothing meanwhile. */
const note = (line: string): void => {
  if (!surroundings.words.includes("--json")) process.stderr.write(`${line}\n`);
};
const connect = (site: ClusterSite) => connectCluster(site, { note });
const sites = new CommandSites({ connect, note });
const openSweep = sweepOpener(sites);

const exitCode = await runCommandLine({
  ...surroundings,
  register(program, output) {
    registerCheckCommand(program, output, sites);
    registerPlanCommand(program, output, { sites, jobScript });
    registerLaunchCommand(program, output, {
      sites,
      remember: ({ name, site }) => rememberSweep(name, site),
      watch: async (access) => {
        await watchUntilInterrupted({ access, view: view() }, output);
      },
    });
    const { columns } = process.stdout;
    registerStatusCommand(program, output, { openSweep, watchView: view, columns });
    registerLogsCommand(program, output, { openSweep, stdout: process.stdout });
    registerStopCommand(program, output, openSweep);
    registerRetryCommand(program, output, openSweep);
    registerReconcileCommand(program, output, openSweep);
    registerBestCommand(program, output, openSweep);
    registerSiteCommand(program, output, {
      findSite: (name) => findNamedSite(name, process.cwd()),
      connect,
    });
    const worker = new LocalWorkerProcess();
    registerPredictCommand(program, { openSweep, worker, isHere: existsSync });
    registerWorkerCommands(program, worker);
  },
});
await sites.close();
// Set and not called: what is still in a pipe gets out. The worker's command sets its own.
if (exitCode !== 0) process.exitCode = exitCode;
