import type { SliceSpan } from "../contract/slice-span.ts";
import type { TrialEvent } from "../contract/trial-event.ts";
import type { AttemptFailure } from "../contract/trial-files.ts";
import type { AttemptClock } from "./attempt-control.ts";

/** To spare, as no two slices are equally fast. */
const SPARE = 1.25;
/** What did not end in its time may well take twice as long. */
const UNKNOWN = 2;

interface Validation {
  beganSeconds: number;
  seconds: number;
  done: number;
  images: number;
}

/**
 * Watches an attempt that has a whole slice to itself, for the question whether slices of that
 * length bring its trial forward at all.
 */
export class SliceWitness {
  readonly #span: SliceSpan;
  readonly #clock: AttemptClock;
  readonly #began: number;
  #startSeconds: number | null = null;
  #validation: Validation | null = null;
  #hasCheckpoint = false;
  #storedAtFirst: number | null = null;
  #hasStored = false;

  constructor(span: SliceSpan, clock: AttemptClock) {
    this.#span = span;
    this.#clock = clock;
    this.#began = clock.monotonicSeconds();
  }

  see(event: TrialEvent): void {
    const seconds = this.#clock.monotonicSeconds() - this.#began;
    if (event.type === "started") this.#startSeconds = seconds;
    if (event.type === "checkpoint") this.#hasCheckpoint = true;
    if (event.type === "encoding") {
      this.#storedAtFirst ??= event.stored;
      this.#hasStored = event.stored > this.#storedAtFirst;
    }
    if (event.type === "validating") {
      const { done, images } = event;
      this.#validation ??= { beganSeconds: seconds, seconds, done, images };
      Object.assign(this.#validation, { seconds, done, images });
    }
  }

  /**
   * For an attempt stopped at the margin of its slice: null if it completed a checkpoint or if more
   * images were encoded for good; otherwise the failure, with the walltime that would do. That is
   * set-up + 1.25 × (start-up + work) + margin, where work is what leads to the first checkpoint: a
   * step, or a validation at the speed seen; what did not end counts twice.
   */
  judge(): AttemptFailure | null {
    if (this.#hasCheckpoint || this.#hasStored) return null;
    const { walltime_seconds, elapsed_seconds, margin_seconds } = this.#span;
    const seconds = this.#clock.monotonicSeconds() - this.#began;
    const start = this.#startSeconds;
    const work = start === null ? null : seconds - start;
    const whole = start === null ? UNKNOWN * seconds : start + this.#wholeWork(seconds - start);
    const needed = elapsed_seconds + SPARE * whole + margin_seconds;
    const parts = [
      `set-up ${inSeconds(elapsed_seconds)}`,
      `start-up ${start === null ? "over " : ""}${inSeconds(start ?? seconds)}`,
      ...(work === null ? [] : [`${this.#workText()} over ${inSeconds(work)}`]),
      `margin ${inSeconds(margin_seconds)}`,
    ];
    return {
      reason: "slice-too-short",
      message:
        `a walltime of ${inHours(walltime_seconds)} is too short for a first checkpoint ` +
        `(${parts.join(", ")}); ask for ${inHours(needed)} or more`,
      retryable: false,
    };
  }

  #wholeWork(seconds: number): number {
    const seen = this.#validation;
    if (seen === null || seen.done === 0) return UNKNOWN * seconds;
    const before = seen.beganSeconds - (this.#startSeconds ?? 0);
    return before + ((seen.seconds - seen.beganSeconds) * seen.images) / seen.done;
  }

  #workText(): string {
    const seen = this.#validation;
    return seen === null ? "first step" : `${seen.done} of ${seen.images} images validated in`;
  }
}

function inSeconds(seconds: number): string {
  return `${Math.round(seconds)} s`;
}

/** As schedulers write it, in whole minutes: `1:05:00`. */
function inHours(seconds: number): string {
  const minutes = Math.ceil(seconds / 60);
  return `${Math.floor(minutes / 60)}:${String(minutes % 60).padStart(2, "0")}:00`;
}
