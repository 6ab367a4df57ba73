import { existsSync } from "node:fs";
import { CommandSites } from "./adapters/command-sites.ts";
import { connectCluster } from "./adapters/connect-cluster.ts";
import { sweepOpener } from "./adapters/open-sweep.ts";
import { LocalWorkerProcess } from "./adapters/worker-process.ts";
import { type CommandLine, runCommandLine } from "./command-line.ts";
import type { ClusterSite } from "./sweep/site-config.ts";

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
/** For people; a program that reads the answer is told nothing meanwhile. */
const note = (line: string): void => {
  if (!surroundings.words.includes("--json")) process.stderr.write(`${line}\n`);
};
const connect = (site: ClusterSite) => connectCluster(site, { note });
const sites = new CommandSites({ connect, note });
const openSweep = sweepOpener(sites);

const worker = new LocalWorkerProcess();

/** Adds each command of this process, with what only it needs: only that is loaded. */
const COMMANDS: Record<string, CommandLine["register"]> = {
  async check(program, output) {
    const { registerCheckCommand } = await import("./commands/check.ts");
    registerCheckCommand(program, output, sites);
  },
  async plan(program, output) {
    const { jobScript } = await import("./adapters/job-script.ts");
    const { registerPlanCommand } = await import("./commands/plan.ts");
    registerPlanCommand(program, output, { sites, jobScript });
  },
  async launch(program, output) {
    const { rememberSweep } = await import("./adapters/sweep-registry.ts");
    const { registerLaunchCommand } = await import("./commands/launch.ts");
    const { watchUntilInterrupted } = await import("./commands/watch-sweep.ts");
    const { watchView } = await import("./output/watch-view.ts");
    registerLaunchCommand(program, output, {
      sites,
      remember: ({ name, site }) => rememberSweep(name, site),
      watch: async (access) => {
        await watchUntilInterrupted({ access, view: watchView(surroundings) }, output);
      },
    });
  },
  async status(program, output) {
    const { registerStatusCommand } = await import("./commands/status.ts");
    const { watchView } = await import("./output/watch-view.ts");
    const { columns } = process.stdout;
    const view = () => watchView(surroundings);
    registerStatusCommand(program, output, { openSweep, watchView: view, columns });
  },
  async logs(program, output) {
    const { registerLogsCommand } = await import("./commands/logs.ts");
    registerLogsCommand(program, output, { openSweep, stdout: process.stdout });
  },
  async stop(program, output) {
    const { registerStopCommand } = await import("./commands/stop.ts");
    registerStopCommand(program, output, openSweep);
  },
  async retry(program, output) {
    const { registerRetryCommand } = await import("./commands/retry.ts");
    registerRetryCommand(program, output, openSweep);
  },
  async reconcile(program, output) {
    const { registerReconcileCommand } = await import("./commands/reconcile.ts");
    registerReconcileCommand(program, output, openSweep);
  },
  async best(program, output) {
    const { registerBestCommand } = await import("./commands/best.ts");
    registerBestCommand(program, output, openSweep);
  },
  async site(program, output) {
    const { registerSiteCommand } = await import("./commands/site.ts");
    const { findNamedSite } = await import("./sweep/find-site.ts");
    const findSite = (name: string) => findNamedSite(name, process.cwd());
    registerSiteCommand(program, output, { findSite, connect });
  },
  async predict(program) {
    const { registerPredictCommand } = await import("./commands/predict.ts");
    registerPredictCommand(program, { openSweep, worker, isHere: existsSync });
  },
};

const exitCode = await runCommandLine({
  ...surroundings,
  async register(program, output) {
    const [word = ""] = surroundings.words;
    if (Object.hasOwn(COMMANDS, word)) return COMMANDS[word]?.(program, output);
    for (const add of Object.values(COMMANDS)) await add(program, output);
    const { registerWorkerCommands } = await import("./commands/worker-commands.ts");
    registerWorkerCommands(program, worker);
  },
});
await sites.close();
// Set and not called: what is still in a pipe gets out. The worker's command sets its own.
if (exitCode !== 0) process.exitCode = exitCode;
