import type { SweepStatus, TrialStatus } from "../tracking/sweep-status.ts";
import { type Evidence, TRIAL_STATES, type TrialState } from "../tracking/trial-state.ts";
import {
  clockText,
  decimalText,
  durationText,
  idLength,
  parameterNames,
  parameterText,
  plural,
  shareText,
} from "./quantity-text.ts";
import { clipped, type Style, styleFor } from "./style.ts";
import { renderTable } from "./table.ts";

export interface TableLimits {
  /** Columns of the screen; less important ones of the table are left out to fit. */
  columns?: number | undefined;
  /** Rows of the screen for the table: what is under way is kept before what is not. */
  rows?: number | undefined;
}

/** The trials in the manner of qstat. No line is wider than the screen. */
export function renderStatus(status: SweepStatus, style: Style, limits: TableLimits = {}): string {
  const { columns: width = Infinity, rows: height } = limits;
  const trials = keptTrials(status.trials, height);
  const columns = columnsFor(status, trials, width);
  const table = renderTable(
    columns.map(({ title }) => title),
    trials.map((trial) => columns.map(({ cell }) => cell(trial))),
    styleFor({}, {}),
  );
  const [header = "", ...rows] = table
    .trimEnd()
    .split("\n")
    .map((line) => clipped(line, width));
  const styled = rows.map((row, index) => styleOf(trials[index]?.state, style)(row));
  const left = status.trials.length - trials.length;
  const more = left > 0 ? [style.dim(`… and ${plural(left, "more trial")}`)] : [];
  return [style.bold(header), ...styled, ...more].map((line) => `${line}\n`).join("");
}

interface Column {
  title: string;
  cell: (trial: TrialStatus) => string;
}

/** Left out first to last where the screen is narrow. */
const EXPENDABLE = ["pilot", "epoch", "loss", "step", "ETA", "seed", "host", "lease", "queue"];

function columnsFor(
  { trials, grid, asOf }: SweepStatus,
  shown: readonly TrialStatus[],
  limit = Infinity,
): Column[] {
  const length = idLength(trials.map(({ id }) => id));
  const all: Column[] = [
    { title: "id", cell: ({ id }) => id.slice(0, length) },
    { title: "arm", cell: ({ arm }) => arm },
    ...parameterNames(trials).map((name) => ({
      title: name,
      cell: ({ params }: TrialStatus) => parameterText(params[name]),
    })),
    { title: "seed", cell: ({ seed }) => String(seed) },
    { title: "state", cell: ({ state }) => state },
    ...(grid === null ? LOCAL_COLUMNS : GRID_COLUMNS),
    { title: "epoch", cell: ({ progress }) => shareText(progress.epoch, progress.epochs) },
    { title: "step", cell: ({ progress }) => shareText(progress.step, progress.steps) },
    { title: "loss", cell: ({ progress }) => decimalText(progress.loss, 3) },
    { title: "CIDEr", cell: ({ progress }) => decimalText(progress.cider, 3) },
    { title: "ETA", cell: ({ progress }) => durationText(progress.etaSeconds) },
    // Only where a witness is silent: what it said last, and when.
    ...(trials.some((trial) => trial.asOf < asOf)
      ? [{ title: "as of", cell: (trial: TrialStatus) => olderClockText(trial.asOf, asOf) }]
      : []),
  ];
  if (limit === Infinity) return all;
  const widths = new Map(all.map((column) => [column, widthOf(column, shown)]));
  const total = (columns: Column[]) =>
    columns.reduce((sum, column) => sum + (widths.get(column) ?? 0) + GAP, -GAP);
  let columns = all;
  for (const title of EXPENDABLE) {
    if (total(columns) <= limit) break;
    columns = columns.filter((column) => column.title !== title);
  }
  return columns;
}

/** Spaces between the columns of a table. */
const GAP = 2;

function widthOf({ title, cell }: Column, trials: readonly TrialStatus[]): number {
  return trials.reduce((widest, trial) => Math.max(widest, cell(trial).length), title.length);
}

const UNKNOWN = "-";
const PILOT_CHARACTERS = 8;

/** The end of a pilot's id is what tells it from others. */
const LOCAL_COLUMNS: Column[] = [
  { title: "pilot", cell: ({ pilot }) => pilot?.pilot.slice(-PILOT_CHARACTERS) ?? UNKNOWN },
];

const GRID_COLUMNS: Column[] = [
  { title: "job", cell: ({ pilot }) => pilot?.task ?? UNKNOWN },
  { title: "host", cell: ({ pilot }) => pilot?.host?.replace(/\..*$/, "") ?? UNKNOWN },
  { title: "queue", cell: ({ pilot }) => pilot?.shown ?? UNKNOWN },
  { title: "lease", cell: ({ evidence }) => durationText(leaseAge(evidence)) },
];

function leaseAge(evidence: readonly Evidence[]): number | null {
  return evidence.find(({ witness }) => witness === "lease")?.ageSeconds ?? null;
}

function olderClockText(trial: Date, now: Date): string {
  return trial < now ? clockText(trial) : UNKNOWN;
}

function keptTrials(trials: readonly TrialStatus[], rows = Infinity): readonly TrialStatus[] {
  if (trials.length <= rows) return trials;
  const byInterest = trials.toSorted((a, b) => interest(a) - interest(b));
  // One row goes to the line that says how many are left out.
  const kept = new Set(byInterest.slice(0, Math.max(1, rows - 1)));
  return trials.filter((trial) => kept.has(trial));
}

function interest({ state }: TrialStatus): number {
  return TRIAL_STATES.indexOf(state);
}

function styleOf(state: TrialState | undefined, style: Style): (text: string) => string {
  switch (state) {
    case "failed":
      return style.red;
    case "finished":
      return style.green;
    case "queued":
    case "planned":
    case "stopped":
      return style.dim;
    default:
      return (text) => text;
  }
}
