import type { PoolSight } from "../tracking/pool-sight.ts";
import type { GridStatus, SweepStatus, TrialStatus } from "../tracking/sweep-status.ts";
import { TRIAL_STATES, type TrialState } from "../tracking/trial-state.ts";
import { clockText, plural } from "./quantity-text.ts";

/** Counts by state, then what the user may want to know or do. */
export function footerLines(status: SweepStatus): string[] {
  const { trials, asOf } = status;
  const counts = TRIAL_STATES.flatMap((state) => {
    const count = trials.filter((trial) => trial.state === state).length;
    return count > 0 ? [`${count} ${state}`] : [];
  });
  const facts = [`${plural(trials.length, "trial")}: ${counts.join(", ")}`, ...pilotFacts(status)];
  const first = [...facts, `as of ${clockText(asOf)}`].join("; ");
  return [first, ...silences(status), ...trialHints(status), ...pilotHints(status)];
}

function pilotFacts({ pilots, grid }: SweepStatus): string[] {
  if (grid === null) return pilots === null ? [] : [plural(pilots, "pilot")];
  if (grid.asOf === null) return [];
  const errors = errorsIn(grid).length;
  const facts = [
    `${total(grid, "running")} running`,
    `${total(grid, "waiting")} waiting`,
    ...(errors > 0 ? [`${errors} in error state`] : []),
  ];
  return [`pilots: ${facts.join(", ")}`];
}

/** Who did not answer, and of when what it said is. */
function silences({ pilots, brokerAsOf, grid }: SweepStatus): string[] {
  const lines: string[] = [];
  if (pilots === null && brokerAsOf !== null) {
    lines.push(`The broker does not answer: what it said is as of ${clockText(brokerAsOf)}.`);
  }
  if (grid && !grid.isCurrent) {
    const age = grid.asOf
      ? `what it said is as of ${clockText(grid.asOf)}`
      : "pilots are not known";
    lines.push(`The scheduler does not answer: ${age}.`);
  }
  return lines;
}

const MAX_SHOWN = 3;

function trialHints(status: SweepStatus): string[] {
  const { sweep, trials, pilots } = status;
  const among = (state: TrialState) => trials.filter((trial) => trial.state === state);
  const lost = among("unreachable").length;
  return [
    ...(lost > 0 ? [`${plural(lost, "trial")} unreachable: ${whyUnreachable(pilots)}`] : []),
    ...shownLines(among("failed"), "failed", ({ id, failure }) => {
      const why = `${failure?.reason}: ${failure?.message}`;
      return `${id} failed: ${why} (\`qsweep logs ${sweep} ${id}\`)`;
    }),
    ...shownLines(
      trials.filter(({ held }) => held !== null),
      "held",
      ({ id, held }) => `${id} is held: ${held}; \`qsweep retry ${sweep} ${id}\` goes on with it.`,
    ),
  ];
}

function whyUnreachable(pilots: number | null): string {
  if (pilots !== null) return "after a whole lease of silence another pilot may take over.";
  return "no broker answers to tell; `qsweep launch FILE` starts one where none runs.";
}

function shownLines(
  trials: readonly TrialStatus[],
  what: string,
  line: (trial: TrialStatus) => string,
): string[] {
  const more = trials.length - MAX_SHOWN;
  const lines = trials.slice(0, MAX_SHOWN).map(line);
  return more > 0 ? [...lines, `… and ${more} more ${what}`] : lines;
}

function pilotHints(status: SweepStatus): string[] {
  const { trials, pilots, grid } = status;
  if (grid) return gridHints(grid, pilots);
  const waiting = trials.filter(({ state }) => state === "queued" || state === "planned").length;
  const lost = trials.filter(({ state }) => state === "unreachable").length;
  const idle = pilots === null ? waiting : waiting + lost;
  if (idle === 0 || (pilots !== null && pilots > 0)) return [];
  const who = `${plural(idle, "trial")} ${idle === 1 ? "waits" : "wait"}`;
  const missing = pilots === null ? "no broker answers" : "no pilot is connected";
  return [`${who} and ${missing}: \`qsweep launch FILE\` starts what is missing.`];
}

function gridHints(grid: GridStatus, connected: number | null): string[] {
  return [
    ...errorLines(grid),
    ...setUpLines(grid),
    ...grid.pools.flatMap((pool) => {
      const isLeft = pool.running + pool.waiting > 0 || (connected ?? 0) > 0;
      if (isLeft || !grid.isCurrent || pool.trialsWaiting === 0) return [];
      const where = grid.pools.length > 1 ? ` in pool ${pool.pool}` : "";
      const waiting = `${plural(pool.trialsWaiting, "trial")} waiting`;
      return [`No pilots left${where} and ${waiting}: \`qsweep launch FILE\` submits more.`];
    }),
  ];
}

/** Grid Engine never clears an error state by itself. */
function errorLines(grid: GridStatus): string[] {
  const errors = errorsIn(grid);
  const [first] = errors;
  if (!first) return [];
  const job = first.task.replace(/\.\d+$/, "");
  const what = errors.length === 1 ? "A pilot is" : `${errors.length} pilots are`;
  return [
    `${what} in error state (${first.task}: ${first.shown}): \`qstat -j ${job}\` on the cluster says ` +
      `why; then \`qmod -cj ${job}\` starts them, or \`qdel ${job}\` removes them.`,
  ];
}

function setUpLines({ pools }: GridStatus): string[] {
  const failed = pools.flatMap(({ failedSetUps, trialsWaiting }) =>
    trialsWaiting > 0 ? failedSetUps : [],
  );
  const last = failed.at(-1);
  if (!last) return [];
  const log = `pilots/${last.task}.log in the sweep's directory`;
  return [`Pilots end in set-up (${plural(failed.length, "task")}): ${last.why}; see ${log}.`];
}

function errorsIn({ pools }: GridStatus): PoolSight["errors"] {
  return pools.flatMap(({ errors }) => errors);
}

function total({ pools }: GridStatus, count: "running" | "waiting"): number {
  return pools.reduce((sum, pool) => sum + pool[count], 0);
}
