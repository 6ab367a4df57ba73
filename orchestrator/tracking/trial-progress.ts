import type { LiveTrial } from "../../worker/contract/live-trial.ts";
import { TrialEvent } from "../../worker/contract/trial-event.ts";
import type { ResultOutline } from "../../worker/contract/trial-files.ts";

/** How far a trial is. Null: not known, or there is nothing yet. */
export interface TrialProgress {
  /** Epochs begun, counted from 1. */
  epoch: number | null;
  /** 0 for a baseline, which trains nothing. */
  epochs: number;
  step: number | null;
  steps: number | null;
  loss: number | null;
  /** CIDEr-D of the best epoch of a finished trial, else the best or newest one known. */
  cider: number | null;
  etaSeconds: number | null;
  /** What a running attempt does. */
  phase: LiveTrial["phase"] | null;
}

export function noProgress(epochs: number): TrialProgress {
  return {
    epoch: null,
    epochs,
    step: null,
    steps: null,
    loss: null,
    cider: null,
    etaSeconds: null,
    phase: null,
  };
}

export function progressOfResult(result: ResultOutline, epochs: number): TrialProgress {
  const last = result.epochs.at(-1);
  return {
    ...noProgress(epochs),
    epoch: last ? begun(last.epoch, epochs) : null,
    step: result.steps,
    steps: result.steps,
    loss: last?.loss ?? null,
    cider: result.metrics.cider,
  };
}

export function progressOfLive(live: LiveTrial, epochs: number): TrialProgress {
  return {
    epoch: live.epoch === null ? null : begun(live.epoch, epochs),
    epochs,
    step: live.step,
    steps: live.steps,
    loss: live.loss,
    cider: live.cider,
    etaSeconds: live.eta_seconds,
    phase: live.phase,
  };
}

/**
 * Reads how far an attempt got from the end of its `events.jsonl`. Torn lines are skipped: the first
 * one where the text begins within a line, the last one where the writer died within it.
 */
export function progressOfEvents(text: string, epochs: number): TrialProgress {
  const progress = noProgress(epochs);
  for (const line of text.split("\n")) {
    const event = parseEvent(line);
    if (event) advance(progress, event);
  }
  return progress;
}

function advance(progress: TrialProgress, event: TrialEvent): void {
  switch (event.type) {
    case "started":
      progress.steps = event.steps;
      progress.step = event.step;
      break;
    case "step":
      progress.loss = event.loss;
      progress.epoch = begun(event.epoch, progress.epochs);
      progress.step = event.step;
      break;
    case "validated":
      progress.cider = Math.max(progress.cider ?? -Infinity, event.metrics.cider);
      progress.loss = event.loss ?? progress.loss;
      progress.epoch = begun(event.epoch, progress.epochs);
      progress.step = event.step;
      break;
    case "encoding":
    case "encoded":
    case "feature-damaged":
    case "validating":
    case "checkpoint":
    case "image-skipped":
    case "checkpoint-refused":
      break;
    default:
      event satisfies never;
  }
}

function parseEvent(line: string): TrialEvent | null {
  try {
    return TrialEvent.safeParse(JSON.parse(line)).data ?? null;
  } catch {
    return null;
  }
}

/** Records count epochs from 0, people from 1. */
function begun(epoch: number, epochs: number): number {
  return Math.min(epoch + 1, epochs);
}
