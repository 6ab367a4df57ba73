import { parseArgs } from "node:util";
import type { Row } from "./row.ts";

export interface BenchOptions {
  /** One JSON value on standard output in place of the table. */
  json: boolean;
  /** As little as shows that a row runs: its figures say nothing. */
  isQuick: boolean;
  /** Markdown file whose table is replaced; null for none. */
  write: string | null;
  rows: readonly Row[];
}

/** Reads the command line; null where help is wanted. Throws an Error that says what is wrong. */
export function benchOptions(words: readonly string[], rows: readonly Row[]): BenchOptions | null {
  const { values } = parseArgs({
    args: [...words],
    options: {
      json: { type: "boolean", default: false },
      only: { type: "string", multiple: true, default: [] },
      quick: { type: "boolean", default: false },
      write: { type: "string" },
      help: { type: "boolean", default: false },
    },
  });
  const { json, only, quick, write = null, help } = values;
  if (help) return null;
  for (const name of only) {
    if (rows.some((row) => row.name === name)) continue;
    throw new Error(`there is no row ${name}, only ${rows.map((row) => row.name).join(", ")}`);
  }
  if (quick && write !== null) throw new Error("--quick measures nothing that is worth --write");
  const asked = only.length === 0 ? rows : rows.filter(({ name }) => only.includes(name));
  return { json, isQuick: quick, write, rows: asked };
}

/** What `--help` shows. */
export function benchHelp(rows: readonly Row[]): string {
  const width = Math.max(...rows.map(({ name }) => name.length));
  return [
    "Usage: npm run bench -- [--json] [--only NAME]… [--quick] [--write FILE]",
    "",
    "Measures qsweep and what it is compared with side by side, by turns.",
    "",
    "  --only NAME   this row, and others so named; all of them if left out",
    "  --json        one JSON value instead of the table",
    "  --write FILE  also puts the table into a Markdown file, in place of the one there",
    "  --quick       as little as shows that rows run",
    "",
    "Rows, with their minutes on two idle cores:",
    ...rows.map(({ name, minutes, compares }) => {
      return `  ${name.padEnd(width)} ${String(minutes).padStart(3)}  ${compares}`;
    }),
    "",
    "Example: npm run bench -- --only step-small --only decode-greedy",
    "",
  ].join("\n");
}
