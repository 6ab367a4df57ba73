// Prints `N passed, N failed, N skipped` from the report of vitest's json reporter. A test file that
// could not be loaded counts as one failed test; no report, or none passed, is a failure too.
import { existsSync, readFileSync } from "node:fs";

const file = process.argv[2] ?? "";
const report = existsSync(file) ? JSON.parse(readFileSync(file, "utf8")) : { testResults: [] };
const unloaded = report.testResults.filter(
  ({ status, assertionResults }) => status === "failed" && assertionResults.length === 0,
);
const count = (...states) =>
  report.testResults
    .flatMap(({ assertionResults }) => assertionResults)
    .filter(({ status }) => states.includes(status)).length;

const passed = count("passed");
const failed = count("failed") + unloaded.length;
const skipped = count("pending", "skipped", "todo", "disabled");
process.stdout.write(`${passed} passed, ${failed} failed, ${skipped} skipped\n`);
if (failed > 0 || passed === 0) process.exitCode = 1;
