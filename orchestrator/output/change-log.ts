import type { SweepStatus, TrialStatus } from "../tracking/sweep-status.ts";
import { progressLine, trialText } from "./progress-bar.ts";
import { clockText, decimalText, shareText } from "./quantity-text.ts";
import { footerLines } from "./status-notes.ts";

const MILLISECONDS_BETWEEN_PROGRESS = 10_000;
/** Pilots just started are not there at once: a hint is given when it has held so long. */
const HINT_MILLISECONDS = 5_000;

interface Seen {
  trial: TrialStatus;
  /** When a line about this trial was last made. */
  told: Date;
}

/** Tells in lines how a sweep goes on: states, scores, and now and then how far a trial is. */
export class ChangeLog {
  readonly #seen = new Map<string, Seen>();
  /** Since when a hint holds; null once it was given. */
  #hints = new Map<string, Date | null>();

  /** What is new since the status given before, each line beginning with the time of day. */
  linesFor(status: SweepStatus): string[] {
    const { asOf } = status;
    const [counts = "", ...hints] = footerLines(status);
    const isFirst = this.#seen.size === 0;
    const lines = status.trials.flatMap((trial) => this.#lineFor(trial, asOf));
    const dueHints = this.#dueHints(hints, asOf);
    const head = isFirst ? [`${status.sweep} on ${status.site}: ${counts}`] : [];
    return [...head, ...[...lines, ...dueHints].map((line) => `${clockText(asOf)} ${line}`)];
  }

  #dueHints(hints: readonly string[], asOf: Date): string[] {
    const before = this.#hints;
    this.#hints = new Map(
      hints.map((hint) => {
        const since = before.get(hint);
        return [hint, since === undefined ? asOf : since];
      }),
    );
    return hints.filter((hint) => {
      const since = this.#hints.get(hint) ?? null;
      const isDue = since !== null && asOf.getTime() - since.getTime() >= HINT_MILLISECONDS;
      if (isDue) this.#hints.set(hint, null);
      return isDue;
    });
  }

  #lineFor(trial: TrialStatus, asOf: Date): string[] {
    const before = this.#seen.get(trial.id);
    const change = changeOf(before?.trial ?? null, trial);
    const isDue =
      before !== undefined &&
      trial.state === "running" &&
      asOf.getTime() - before.told.getTime() >= MILLISECONDS_BETWEEN_PROGRESS;
    const line = change ?? (isDue ? progressLine(trial) : null);
    const told = line === null && before ? before.told : asOf;
    this.#seen.set(trial.id, { trial, told });
    return line === null ? [] : [line];
  }
}

/** The change worth a line. At first sight only what is under way is: the counts tell the rest. */
function changeOf(before: TrialStatus | null, now: TrialStatus): string | null {
  const { progress, state } = now;
  if (before === null) return state === "running" ? progressLine(now) : null;
  if (before.state !== state || before.attempt !== now.attempt) {
    return `${trialText(now)}: ${before.state} → ${state}${detailOf(now)}`;
  }
  if (progress.cider !== before.progress.cider && progress.cider !== null) {
    // Training may be in the next epoch by the time the score is seen.
    const place = `now at epoch ${shareText(progress.epoch, progress.epochs)}`;
    const loss = progress.loss === null ? "" : `, loss ${decimalText(progress.loss, 3)}`;
    return `${trialText(now)}: validated, CIDEr-D ${decimalText(progress.cider, 3)}; ${place}${loss}`;
  }
  return null;
}

function detailOf({ state, attempt, pilot, progress, failure, held }: TrialStatus): string {
  switch (state) {
    case "running":
      return ` (attempt ${attempt} by pilot ${pilot?.pilot})`;
    case "finished":
      return `, CIDEr-D ${decimalText(progress.cider, 3)}`;
    case "failed":
      return failure ? `: ${failure.reason}: ${failure.message}` : "";
    case "stopped":
      return held === null ? "" : `: ${held}`;
    default:
      return "";
  }
}
