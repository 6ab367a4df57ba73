import { printable, type Style } from "./style.ts";

/** Columns two spaces apart, each as wide as its widest cell; the last one is not padded. */
export function renderTable(
  header: readonly string[],
  rows: readonly (readonly string[])[],
  style: Style,
): string {
  const clean = [header, ...rows].map((row) => row.map(printable));
  const widths = header.map((_, column) =>
    clean.reduce((widest, row) => Math.max(widest, row[column]?.length ?? 0), 0),
  );
  const lines = clean.map((row) =>
    row
      .map((cell, column) => (column === row.length - 1 ? cell : cell.padEnd(widths[column] ?? 0)))
      .join("  ")
      .trimEnd(),
  );
  const [first = "", ...others] = lines;
  return [style.bold(first), ...others].map((line) => `${line}\n`).join("");
}
