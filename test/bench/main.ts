import { existsSync, readFileSync, writeFileSync } from "node:fs";
import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import path from "node:path";
import { benchHelp, benchOptions } from "./bench-options.ts";
import { withTable } from "./document.ts";
import { describeMachine, loadNow } from "./machine.ts";
import { benchPython, pythonVersions } from "./python-packages.ts";
import type { BenchContext, Row, RowOutcome } from "./row.ts";
import { ROWS } from "./rows.ts";
import { benchTable } from "./table.ts";
import { judged } from "./target.ts";

const USAGE_STATUS = 2;

function progress(line: string): void {
  process.stderr.write(`${line}\n`);
}

let environment: Promise<string> | null = null;

/** Made once, by the first row that wants it. */
function python(): Promise<string> {
  if (environment === null) progress("looking for PyTorch and the others, or fetching them");
  environment ??= benchPython();
  return environment;
}

/** A row that cannot run says why, and the others run. */
async function outcomeOf(row: Row, isQuick: boolean): Promise<RowOutcome> {
  const { name, compares, minutes, targets } = row;
  progress(`== ${name}: ${compares} (about ${minutes} min)`);
  const folder = await mkdtemp(path.join(tmpdir(), "qsweep-bench-"));
  const bench: BenchContext = { folder, isQuick, python, progress };
  try {
    const result = await row.run(bench);
    const asked = isQuick ? [] : targets;
    const reached = asked.flatMap((target) => judged(target, result.sides) ?? []);
    return { row: name, compares, status: "measured", ...result, targets: reached };
  } catch (error) {
    const because = error instanceof Error ? error.message : String(error);
    progress(because);
    return { row: name, compares, status: "not-run", because };
  } finally {
    await rm(folder, { recursive: true, force: true });
  }
}

/** Returns the status to end with: 1 where a row did not run. */
async function main(words: readonly string[]): Promise<number> {
  const options = benchOptions(words, ROWS);
  if (options === null) {
    process.stdout.write(benchHelp(ROWS));
    return 0;
  }
  const { json, isQuick, write, rows } = options;
  const loadBefore = loadNow();
  const outcomes: RowOutcome[] = [];
  for (const row of rows) outcomes.push(await outcomeOf(row, isQuick));
  const versions = environment && (await environment.then(pythonVersions).catch(() => null));
  const machine = describeMachine(loadBefore, versions ?? {});
  const command = ["npm run bench", ...(words.length > 0 ? ["--", ...words] : [])].join(" ");
  const table = benchTable({ command, machine, outcomes });
  if (write !== null) {
    const before = existsSync(write) ? readFileSync(write, "utf8") : "";
    writeFileSync(write, withTable(before, table));
  }
  process.stdout.write(json ? `${JSON.stringify({ command, machine, rows: outcomes })}\n` : table);
  return outcomes.every(({ status }) => status === "measured") ? 0 : 1;
}

try {
  process.exitCode = await main(process.argv.slice(2));
} catch (error) {
  progress(error instanceof Error ? error.message : String(error));
  process.exitCode = USAGE_STATUS;
}
