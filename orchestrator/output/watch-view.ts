import { isSweepSettled, type SweepStatus } from "../tracking/sweep-status.ts";
import type { TextStream } from "./output.ts";
import { barLine } from "./progress-bar.ts";
import { ChangeLog } from "./change-log.ts";
import { idLength } from "./quantity-text.ts";
import { footerLines, renderStatus } from "./status-table.ts";
import { printable, type Style, styleFor } from "./style.ts";

/** A sweep as it goes on. */
export interface WatchView {
  show(status: SweepStatus): void;
}

/** A stream that may be a terminal. */
export interface ScreenStream extends TextStream {
  columns?: number | undefined;
  rows?: number | undefined;
}

interface ViewOptions {
  /** What the user typed. */
  words: readonly string[];
  stdout: ScreenStream;
  environment: Record<string, string | undefined>;
}

/**
 * Redraws in place on a terminal; elsewhere prints a line for each change. Under `--json` it shows
 * nothing: stdout is kept for one value.
 */
export function watchView({ words, stdout, environment }: ViewOptions): WatchView {
  if (words.includes("--json")) return { show: () => {} };
  const style = styleFor(stdout, environment);
  return stdout.isTTY === true ? new ScreenView(stdout, style) : new LineView(stdout, style);
}

const CLEAR_TO_END = "\u001b[0J";

/** Draws each picture over the one before; the last one stays. */
class ScreenView implements WatchView {
  readonly #stream: ScreenStream;
  readonly #style: Style;
  #linesDrawn = 0;

  constructor(stream: ScreenStream, style: Style) {
    this.#stream = stream;
    this.#style = style;
  }

  show(status: SweepStatus): void {
    const { columns, rows } = this.#stream;
    const lines = pictureLines(status, this.#style, { columns, rows });
    const back = this.#linesDrawn > 0 ? `\u001b[${this.#linesDrawn}A\r` : "";
    this.#stream.write(`${back}${CLEAR_TO_END}${lines.map((line) => `${line}\n`).join("")}`);
    this.#linesDrawn = lines.length;
  }
}

/** A picture never taller than the screen: the cursor could not go back to its top. */
function pictureLines(
  status: SweepStatus,
  style: Style,
  { columns = 80, rows = 24 }: { columns?: number | undefined; rows?: number | undefined },
): string[] {
  const ids = idLength(status.trials.map(({ id }) => id));
  const all = status.trials.flatMap((trial) => barLine(trial, ids, style) ?? []);
  const bars = all.slice(0, Math.max(1, Math.floor(rows / 3)));
  const notes = footerLines(status)
    .map((line) => clipped(printable(line), columns))
    .slice(0, Math.max(1, Math.floor(rows / 4)));
  const below = bars.length + notes.length + (bars.length > 0 ? 2 : 1);
  // The header takes a row, and so does the cursor under the picture.
  const table = renderStatus(status, style, { columns, rows: Math.max(2, rows - below - 2) });
  const above = table.trimEnd().split("\n");
  return [...above, ...(bars.length > 0 ? ["", ...bars] : []), "", ...notes.map(style.dim)];
}

/** A line that is too long would take two rows of the screen. */
function clipped(line: string, columns: number): string {
  return line.length <= columns ? line : `${line.slice(0, columns - 1)}…`;
}

/** A line for each change, and the table once all is settled. */
class LineView implements WatchView {
  readonly #stream: ScreenStream;
  readonly #style: Style;
  readonly #changes = new ChangeLog();

  constructor(stream: ScreenStream, style: Style) {
    this.#stream = stream;
    this.#style = style;
  }

  show(status: SweepStatus): void {
    const lines = this.#changes.linesFor(status).map((line) => `${printable(line)}\n`);
    if (lines.length > 0) this.#stream.write(lines.join(""));
    if (!isSweepSettled(status)) return;
    const footer = footerLines(status).map((line) => `${printable(line)}\n`);
    this.#stream.write(`${renderStatus(status, this.#style)}\n${footer.join("")}`);
  }
}
