// `npm run bench`: builds the product and the bench, and starts the bench. What is measured is the
// product as it runs: compiled by tsc, in processes of its own.
import { spawnSync } from "node:child_process";
import { existsSync, mkdirSync, symlinkSync } from "node:fs";
import path from "node:path";

const ROOT = path.resolve(import.meta.dirname, "..", "..");
const TSC = path.join(ROOT, "node_modules", ".bin", "tsc");
const BUILT = path.join(ROOT, "node_modules", ".cache", "bench");
/** What built modules look for beside them, and tsc does not copy. */
const LINKED = ["test/python", "test/bench/python"];

for (const words of [[], ["-p", "test/bench"]]) {
  const { status } = spawnSync(TSC, words, { cwd: ROOT, stdio: ["ignore", 2, 2] });
  if (status !== 0) process.exit(status ?? 1);
}
for (const folder of LINKED) {
  const link = path.join(BUILT, folder);
  mkdirSync(path.dirname(link), { recursive: true });
  if (!existsSync(link)) symlinkSync(path.join(ROOT, folder), link);
}
await import(path.join(BUILT, "test", "bench", "main.js"));
