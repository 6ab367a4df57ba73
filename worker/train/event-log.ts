import { closeSync, openSync, writeSync } from "node:fs";
import { Failure } from "../contract/failure.ts";
import type { TrialEvent } from "../contract/trial-event.ts";
import type { AttemptClock } from "./attempt-control.ts";
import { isDiskFull } from "./attempt-failure.ts";

const SECONDS_BETWEEN_STEP_EVENTS = 1;

/** An event before the log stamps it. */
export type UntimedEvent = TrialEvent extends infer E
  ? E extends TrialEvent
    ? Omit<E, "time">
    : never
  : never;

export interface EventLogOptions {
  /** `attempts/<n>/events.jsonl`; this log is its only writer. */
  file: string;
  clock: AttemptClock;
  /** Also told of each event, after it is in the file. */
  emit: (event: TrialEvent) => void;
}

/** Appends an attempt's events to its file, a line each, and passes them on. */
export class EventLog {
  readonly #descriptor: number;
  readonly #clock: AttemptClock;
  readonly #emit: (event: TrialEvent) => void;
  #lastStepSeconds = -Infinity;

  constructor({ file, clock, emit }: EventLogOptions) {
    this.#descriptor = openSync(file, "a");
    this.#clock = clock;
    this.#emit = emit;
  }

  /** Throws Failure `disk-full` when the line cannot be written whole. */
  write(untimed: UntimedEvent): void {
    const event: TrialEvent = { ...untimed, time: this.#clock.now().toISOString() };
    const line = Buffer.from(`${JSON.stringify(event)}\n`);
    try {
      let written = 0;
      while (written < line.length) written += writeSync(this.#descriptor, line, written);
    } catch (error) {
      if (!isDiskFull(error)) throw error;
      throw new Failure({
        reason: "disk-full",
        message: "no space left to write events.jsonl",
        remedy: "free space or quota there, then retry the trial",
        cause: error,
      });
    }
    this.#emit(event);
  }

  /** Writes a `step` event unless the last one was a moment ago; `always` overrides that. */
  writeStep(event: Extract<UntimedEvent, { type: "step" }>, { always }: { always: boolean }): void {
    const seconds = this.#clock.monotonicSeconds();
    if (!always && seconds - this.#lastStepSeconds < SECONDS_BETWEEN_STEP_EVENTS) return;
    this.#lastStepSeconds = seconds;
    this.write(event);
  }

  close(): void {
    closeSync(this.#descriptor);
  }
}
