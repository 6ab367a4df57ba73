import { isSweepSettled, type SweepStatus } from "../tracking/sweep-status.ts";
import type { TextStream } from "./output.ts";
import { barLine } from "./progress-bar.ts";
import { ChangeLog } from "./change-log.ts";
import { idLength } from "./quantity-text.ts";
import { footerLines } from "./status-notes.ts";
import { renderStatus } from "./status-table.ts";
import { clipped, printable, type Style, styleFor } from "./style.ts";

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
    const { columns = 80, rows = 24 } = this.#stream;
    const lines = pictureLines(status, this.#style, { columns, rows });
    const back = this.#linesDrawn > 0 ? `\u001b[${this.#linesDrawn}A\r` : "";
    this.#stream.write(`${back}${CLEAR_TO_END}${lines.map((line) => `${line}\n`).join("")}`);
    this.#linesDrawn = lines.length;
  }
}

/** A picture never larger than the screen: the cursor could not go back to its top. */
function pictureLines(
  status: SweepStatus,
  style: Style,
  { columns, rows }: { columns: number; rows: number },
): string[] {
  const idColumns = idLength(status.trials.map(({ id }) => id));
  const bars = status.trials
    .flatMap((trial) => barLine(trial, { idColumns, columns }, style) ?? [])
    .slice(0, Math.max(1, Math.floor(rows / 4)));
  const notes = footerLines(status)
    .slice(0, Math.max(1, Math.floor(rows / 4)))
    .map((line) => style.dim(clipped(printable(line), columns)));
  const below = [...(bars.length > 0 ? ["", ...bars] : []), "", ...notes];
  // The table's header takes a row, and so does the cursor under the picture.
  const limits = { columns, rows: Math.max(2, rows - below.length - 2) };
  const above = renderStatus(status, style, limits).trimEnd().split("\n");
  return [...above, ...below].slice(0, rows - 1);
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
