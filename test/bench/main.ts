import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import path from "node:path";
import { benchOptions } from "./bench-options.ts";
import { describeMachine, loadNow } from "./machine.ts";
import { benchPython, pythonVersions } from "./python-packages.ts";
import type { BenchContext, Row, RowOutcome } from "./row.ts";
import { ROWS } from "./rows.ts";
import { benchTable } from "./table.ts";

function progress(line: string): void {
  process.stderr.write(`${line}\n`);
}

let environment: Promise<string> | null = null;

/** Made once, by the first row that wants it. */
function python(): Promise<string> {
  environment ??= benchPython();
  return environment;
}

/** A row that cannot run says why, and the others run. */
async function outcomeOf(row: Row): Promise<RowOutcome> {
  const { name, compares, minutes } = row;
  progress(`== ${name}: ${compares} (about ${minutes} min)`);
  const folder = await mkdtemp(path.join(tmpdir(), "qsweep-bench-"));
  const bench: BenchContext = { folder, python, progress };
  try {
    return { row: name, compares, status: "measured", ...(await row.run(bench)) };
  } catch (error) {
    const because = error instanceof Error ? error.message : String(error);
    progress(because);
    return { row: name, compares, status: "not-run", because };
  } finally {
    await rm(folder, { recursive: true, force: true });
  }
}

async function main(): Promise<void> {
  const { json, rows } = benchOptions(process.argv.slice(2), ROWS);
  const loadBefore = loadNow();
  const outcomes: RowOutcome[] = [];
  for (const row of rows) outcomes.push(await outcomeOf(row));
  const versions = environment && (await environment.then(pythonVersions).catch(() => null));
  const machine = describeMachine(loadBefore, versions ?? {});
  const shown = json
    ? `${JSON.stringify({ machine, rows: outcomes })}\n`
    : benchTable(machine, outcomes);
  process.stdout.write(shown);
}

await main();
