import { MAX_NAMED, placeText, type Diagnostic } from "../sweep/diagnostic.ts";
import type { Spot } from "../sweep/source-text.ts";
import { printable, type Style } from "./style.ts";

/** Widest excerpt of a line: a file may be one line of a megabyte. */
const EXCERPT_COLUMNS = 100;

/** Each problem with `file:line:column`, its line and a mark under it, blank lines between. */
export function renderDiagnostics(diagnostics: readonly Diagnostic[], style: Style): string {
  const shown = diagnostics.slice(0, MAX_NAMED).map((one) => renderDiagnostic(one, style));
  const rest = diagnostics.length - shown.length;
  if (rest > 0) shown.push(`… and ${rest} more problems\n`);
  return shown.join("\n");
}

function renderDiagnostic({ message, spot, related }: Diagnostic, style: Style): string {
  const first = renderSpot(spot, style.red(printable(message)), style);
  return related ? first + renderSpot(related.spot, printable(related.message), style) : first;
}

function renderSpot(spot: Spot, message: string, style: Style): string {
  const { line, column, length } = excerpt(spot);
  const mark = " ".repeat(column) + style.red("^".repeat(length));
  const place = style.bold(printable(placeText(spot)));
  return `${place}: ${message}\n  ${printable(line)}\n  ${mark}\n`;
}

/** The part of the line around the mark; `column` counts from 0 within it. */
function excerpt({ line, place, length }: Spot): { line: string; column: number; length: number } {
  const column = place.column - 1;
  if (line.length <= EXCERPT_COLUMNS) return { line, column, length };
  const start = Math.max(0, Math.min(column - 20, line.length - EXCERPT_COLUMNS));
  const end = start + EXCERPT_COLUMNS;
  const before = start > 0 ? "…" : "";
  return {
    line: before + line.slice(start, end) + (end < line.length ? "…" : ""),
    column: column - start + before.length,
    length: Math.min(length, Math.max(1, end - column)),
  };
}
