#!/usr/bin/env node
// What `npx qsweep` runs: the built command line of this checkout. The worker's commands need no
// second process: their own command line reads the same words in this one.
import { existsSync } from "node:fs";

const built = (path) => new URL(`../dist/${path}`, import.meta.url);
const main = built("orchestrator/main.js");
if (existsSync(main)) {
  const { WORKER_COMMANDS } = await import(built("orchestrator/commands/worker-commands.js").href);
  const isWorkers = WORKER_COMMANDS.some(([name]) => name === process.argv[2]);
  await import(isWorkers ? built("worker/cli.js").href : main.href);
} else {
  process.stderr.write("error: qsweep is not built\n  run `npm run demo` or `npm test` once\n");
  process.exitCode = 1;
}
