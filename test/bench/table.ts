import type { Machine } from "./machine.ts";
import type { RowOutcome, Side } from "./row.ts";

const HEAD = ["row", "side", "median", "min–max", "n", "× reference", "peak MiB"];

/** The outcomes for people, as Markdown that is also aligned. */
export function benchTable(machine: Machine, outcomes: readonly RowOutcome[]): string {
  const cells = outcomes.flatMap((outcome) => rowCells(outcome));
  const widths = HEAD.map((title, column) =>
    Math.max(title.length, ...cells.map((line) => line[column]!.length)),
  );
  const line = (values: readonly string[]): string =>
    `| ${values.map((value, column) => padded(value, widths[column]!, column)).join(" | ")} |`;
  const rule = widths.map((width, column) =>
    column < 2 ? "-".repeat(width) : `${"-".repeat(width - 1)}:`,
  );
  return [
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

function machineLines({ processor, cores, memoryGibibytes, load, versions }: Machine): string[] {
  const loads = `load ${load.before.toFixed(1)} before, ${load.after.toFixed(1)} after`;
  return [
    `${processor}, ${cores} cores, ${memoryGibibytes} GiB; ${loads}`,
    Object.entries(versions)
      .map(([name, version]) => `${name} ${version}`)
      .join(", "),
  ];
}

function rowCells(outcome: RowOutcome): string[][] {
  if (outcome.status === "not-run") return [[outcome.row, "not run", "", "", "", "", ""]];
  const { sides, hasReference } = outcome;
  const reference = hasReference ? sides[sides.length - 1]! : null;
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
  if (reference === null || side === reference || side.unit !== reference.unit) return "";
  return (side.spread.median / reference.spread.median).toFixed(2);
}

/** Three digits that count. */
function figure(value: number): string {
  if (value >= 100) return value.toFixed(0);
  return value >= 10 ? value.toFixed(1) : value.toFixed(2);
}

function noteLines(outcome: RowOutcome): string[] {
  const notes = outcome.status === "not-run" ? [outcome.because] : outcome.notes;
  return notes.map((note) => `- ${outcome.row}: ${note}`);
}
