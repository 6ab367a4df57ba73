import type { Machine } from "./machine.ts";
import type { RowOutcome, Side } from "./row.ts";

/** Markdown's rule under the head needs a few dashes. */
const NARROWEST = 3;
const HEAD = ["row", "side", "median", "min–max", "n", "× reference", "peak MiB"];

export interface BenchReport {
  /** What made it. */
  command: string;
  machine: Machine;
  outcomes: readonly RowOutcome[];
}

/** A report for people, as Markdown that is also aligned. */
export function benchTable({ command, machine, outcomes }: BenchReport): string {
  const cells = outcomes.flatMap((outcome) => rowCells(outcome));
  const widths = HEAD.map((title, column) =>
    Math.max(title.length, NARROWEST, ...cells.map((line) => line[column]!.length)),
  );
  const line = (values: readonly string[]): string =>
    `| ${values.map((value, column) => padded(value, widths[column]!, column)).join(" | ")} |`;
  const rule = widths.map((width, column) =>
    column < 2 ? "-".repeat(width) : `${"-".repeat(width - 1)}:`,
  );
  return [
    `Made by \`${command}\` on`,
    ...machineLines(machine),
    "",
    line(HEAD),
    `| ${rule.join(" | ")} |`,
    ...cells.map(line),
    "",
    ...outcomes.flatMap(noteLines),
    "",
  ].join("\n");
}

function padded(value: string, width: number, column: number): string {
  return column < 2 ? value.padEnd(width) : value.padStart(width);
}

function machineLines({ date, processor, cores, memoryGibibytes, load, versions }: Machine) {
  const loads = `load ${load.before.toFixed(1)} before, ${load.after.toFixed(1)} after`;
  const named = Object.entries(versions).map(([name, version]) => `${name} ${version}`);
  return [
    `${processor}, ${cores} cores, ${memoryGibibytes} GiB; ${loads}; ${date};`,
    `${named.join(", ")}.`,
  ];
}

function rowCells(outcome: RowOutcome): string[][] {
  if (outcome.status === "not-run") return [[outcome.row, "not run", "", "", "", "", ""]];
  const { sides } = outcome;
  const reference = sides.find(({ side }) => side === outcome.reference) ?? null;
  return sides.map((side, index) => [
    index === 0 ? outcome.row : "",
    ...sideCells(side),
    ratioCell(side, reference),
    side.peakMebibytes === null ? "" : String(Math.round(side.peakMebibytes)),
  ]);
}

function sideCells({ side, unit, spread }: Side): string[] {
  const { median, min, max, count } = spread;
  return [side, `${figure(median)} ${unit}`, `${figure(min)}–${figure(max)}`, String(count)];
}

function ratioCell(side: Side, reference: Side | null): string {
  if (reference === null || side === reference) return "";
  return (side.spread.median / reference.spread.median).toFixed(2);
}

/** Three digits that count. */
function figure(value: number): string {
  if (value >= 100) return value.toFixed(0);
  return value >= 10 ? value.toFixed(1) : value.toFixed(2);
}

function noteLines(outcome: RowOutcome): string[] {
  const { row, compares } = outcome;
  if (outcome.status === "not-run") return [`- ${row}: not run: ${outcome.because}`];
  const targets = outcome.targets.map(({ target, reached, isMet }) => {
    return `- ${row}: ${target}: ${isMet ? "met" : "**missed**"}, ${figure(reached)}`;
  });
  return [`- ${row}: ${compares}`, ...targets, ...outcome.notes.map((note) => `- ${row}: ${note}`)];
}
