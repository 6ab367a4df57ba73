import { parseArgs } from "node:util";
import type { Row } from "./row.ts";

export interface BenchOptions {
  /** One JSON value on standard output in place of the table. */
  json: boolean;
  rows: readonly Row[];
}

/**
 * Reads `[--json] [--all] [--only NAME…]`. Names may follow one `--only`, or each its own; without
 * any, all rows run but the heavy ones. Throws an Error that says what is wrong.
 */
export function benchOptions(words: readonly string[], rows: readonly Row[]): BenchOptions {
  const { values, positionals } = parseArgs({
    args: [...words],
    allowPositionals: true,
    options: {
      json: { type: "boolean", default: false },
      all: { type: "boolean", default: false },
      only: { type: "string", multiple: true, default: [] },
    },
  });
  if (positionals.length > 0 && values.only.length === 0) {
    throw new Error(`${positionals[0]} follows no --only`);
  }
  const names = [...values.only, ...positionals];
  for (const name of names) {
    if (rows.some((row) => row.name === name)) continue;
    throw new Error(`there is no row ${name}, only ${rows.map((row) => row.name).join(", ")}`);
  }
  const isAsked = ({ name, heavy }: Row): boolean =>
    names.length > 0 ? names.includes(name) : values.all || heavy !== true;
  return { json: values.json, rows: rows.filter(isAsked) };
}
