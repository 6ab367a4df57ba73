#!/usr/bin/env node
// What `npx qsweep` runs: the built command line of this checkout.
import { existsSync } from "node:fs";

const main = new URL("../dist/orchestrator/main.js", import.meta.url);
if (existsSync(main)) {
  await import(main.href);
} else {
  process.stderr.write("error: qsweep is not built\n  run `npm run demo` or `npm test` once\n");
  process.exitCode = 1;
}
