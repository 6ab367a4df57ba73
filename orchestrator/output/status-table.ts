import type { SweepStatus, TrialStatus } from "../tracking/sweep-status.ts";
import { TRIAL_STATES, type TrialState } from "../tracking/trial-state.ts";
import {
  clockText,
  plural,
  decimalText,
  durationText,
  idLength,
  parameterNames,
  parameterText,
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

/** Counts by state, then what the user may want to know or do. */
export function footerLines(status: SweepStatus): string[] {
  const { trials, pilots, asOf } = status;
  const counts = TRIAL_STATES.flatMap((state) => {
    const count = trials.filter((trial) => trial.state === state).length;
    return count > 0 ? [`${count} ${state}`] : [];
  });
  const here = pilots === null ? [] : [plural(pilots, "pilot")];
  const facts = [`${plural(trials.length, "trial")}: ${counts.join(", ")}`, ...here];
  return [[...facts, `as of ${clockText(asOf)}`].join("; "), ...hints(status)];
}

const MAX_FAILURES_SHOWN = 3;

function hints({ sweep, trials, pilots }: SweepStatus): string[] {
  const among = (...states: TrialState[]) => trials.filter(({ state }) => states.includes(state));
  const lost = among("unreachable").length;
  const waiting = among("queued", "planned").length;
  return [
    ...(lost > 0 ? [`${plural(lost, "trial")} unreachable: ${whyUnreachable(pilots)}`] : []),
    ...idleLines({ waiting, lost, pilots }),
    ...failureLines(sweep, among("failed")),
  ];
}

function whyUnreachable(pilots: number | null): string {
  if (pilots !== null) return "after a whole lease of silence another pilot may take over.";
  return "no broker answers to tell; `qsweep launch FILE` starts one where none runs.";
}

interface IdleCounts {
  waiting: number;
  lost: number;
  pilots: number | null;
}

function idleLines({ waiting, lost, pilots }: IdleCounts): string[] {
  const idle = pilots === null ? waiting : waiting + lost;
  if (idle === 0 || (pilots !== null && pilots > 0)) return [];
  const who = `${plural(idle, "trial")} ${idle === 1 ? "waits" : "wait"}`;
  const missing = pilots === null ? "no broker answers" : "no pilot is connected";
  return [`${who} and ${missing}: \`qsweep launch FILE\` starts what is missing.`];
}

function failureLines(sweep: string, failed: readonly TrialStatus[]): string[] {
  const lines = failed.slice(0, MAX_FAILURES_SHOWN).map(({ id, failure }) => {
    return `${id} failed: ${failure?.reason}: ${failure?.message} (\`qsweep logs ${sweep} ${id}\`)`;
  });
  const more = failed.length - lines.length;
  return more > 0 ? [...lines, `… and ${more} more failed`] : lines;
}

interface Column {
  title: string;
  cell: (trial: TrialStatus) => string;
}

/** Left out first to last where the screen is narrow. */
const EXPENDABLE = ["pilot", "epoch", "loss", "step", "ETA", "seed"];

function columnsFor(
  { trials }: SweepStatus,
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
    { title: "pilot", cell: ({ pilot }) => shortPilot(pilot) },
    { title: "epoch", cell: ({ progress }) => shareText(progress.epoch, progress.epochs) },
    { title: "step", cell: ({ progress }) => shareText(progress.step, progress.steps) },
    { title: "loss", cell: ({ progress }) => decimalText(progress.loss, 3) },
    { title: "CIDEr", cell: ({ progress }) => decimalText(progress.cider, 3) },
    { title: "ETA", cell: ({ progress }) => durationText(progress.etaSeconds) },
  ];
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

const PILOT_CHARACTERS = 8;

/** The end of a pilot's id is what tells it from others. */
function shortPilot(pilot: string | null): string {
  return pilot === null ? "-" : pilot.slice(-PILOT_CHARACTERS);
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
