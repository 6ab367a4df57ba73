import { Failure } from "../contract/failure.ts";
import type { SliceSpan } from "../contract/slice-span.ts";
import type { TrialEvent } from "../contract/trial-event.ts";

/** Node fires timers that are longer than this at once. */
const LONGEST_TIMER_SECONDS = 2_000_000;
/** An attempt claimed in this first part of a slice has, by and large, the whole of it. */
const WHOLE_FROM = 0.1;

/** Time as a pilot sees it. */
export interface PilotClock {
  /** Seconds since this process began, by a clock that nobody sets. */
  monotonicSeconds(): number;
  /** Acts once, after that many seconds, unless what is returned is called before. */
  after(seconds: number, action: () => void): () => void;
}

export const systemClock: PilotClock = {
  monotonicSeconds: () => performance.now() / 1000,
  after: (seconds, action) => {
    const timer = setTimeout(action, seconds * 1000).unref();
    return () => clearTimeout(timer);
  },
};

export interface SliceLimits {
  /** Of the grid job, from its start, which was `elapsedSeconds` before this process began. */
  walltimeSeconds: number;
  elapsedSeconds: number;
  /** To be left when the pilot has its attempt checkpointed; grows with what that takes. */
  marginSeconds: number;
}

/**
 * What is left of a grid job's walltime, by the pilot's own clock: schedulers give no warning, or
 * one too late. Without limits a slice never ends.
 */
export class Slice {
  readonly #limits: SliceLimits | null;
  readonly #clock: PilotClock;
  readonly #began: number;
  readonly #over = new AbortController();
  #longestCheckpoint = 0;
  #longestStep = 0;
  #lastStart = 0;
  #cancel: () => void = () => {};

  /** Throws Failure `site-invalid` where the margin leaves nothing to work in. */
  constructor(limits: SliceLimits | null, clock: PilotClock) {
    this.#limits = limits;
    this.#clock = clock;
    this.#began = clock.monotonicSeconds();
    if (limits !== null && this.secondsLeft <= 0) throw noTime(limits, this.#began);
    this.#schedule();
  }

  /** Aborted when only the margin is left. */
  get over(): AbortSignal {
    return this.#over.signal;
  }

  /** Until the margin begins. */
  get secondsLeft(): number {
    if (this.#limits === null) return Infinity;
    const { walltimeSeconds, elapsedSeconds } = this.#limits;
    return walltimeSeconds - elapsedSeconds - this.#margin - this.#clock.monotonicSeconds();
  }

  /** Whether there is time for another attempt to get as far as its first step. */
  get hasRoom(): boolean {
    return this.secondsLeft > this.#lastStart;
  }

  /** For an attempt claimed now: its slice, or null if that is no more than the rest of one. */
  wholeSpan(): SliceSpan | null {
    if (this.#limits === null) return null;
    const now = this.#clock.monotonicSeconds();
    const over = now - this.#began;
    if (over > WHOLE_FROM * (over + this.secondsLeft)) return null;
    const { walltimeSeconds, elapsedSeconds } = this.#limits;
    return {
      walltime_seconds: walltimeSeconds,
      elapsed_seconds: elapsedSeconds + now,
      margin_seconds: this.#margin,
    };
  }

  /**
   * Takes note of what the events of an attempt that begins now tell: how long the way to its first
   * step is, and how long steps and checkpoints take.
   */
  watchAttempt(): (event: TrialEvent) => void {
    const began = this.#clock.monotonicSeconds();
    let isAtWork = false;
    return (event) => {
      if (event.type === "checkpoint") {
        this.#longestCheckpoint = Math.max(this.#longestCheckpoint, event.seconds);
        this.#schedule();
      }
      if (event.type !== "step" && event.type !== "validating") return;
      if (event.type === "step") {
        this.#longestStep = Math.max(this.#longestStep, event.step_seconds);
      }
      if (!isAtWork) this.#lastStart = this.#clock.monotonicSeconds() - began;
      isAtWork = true;
    };
  }

  close(): void {
    this.#cancel();
  }

  /** A step may have just begun; the checkpoint after it may take twice as long as any before. */
  get #margin(): number {
    const needed = 2 * this.#longestCheckpoint + this.#longestStep;
    return Math.max(this.#limits?.marginSeconds ?? 0, needed);
  }

  #schedule(): void {
    this.#cancel();
    const left = this.secondsLeft;
    if (left === Infinity || this.over.aborted) return;
    if (left <= 0) this.#over.abort();
    else {
      const seconds = Math.min(left, LONGEST_TIMER_SECONDS);
      this.#cancel = this.#clock.after(seconds, () => this.#schedule());
    }
  }
}

function noTime({ walltimeSeconds, elapsedSeconds, marginSeconds }: SliceLimits, began: number) {
  const setUp = Math.round(elapsedSeconds + began);
  return new Failure({
    reason: "site-invalid",
    message:
      `a walltime of ${walltimeSeconds} s leaves no time to train: ` +
      `the set-up took ${setUp} s, and the margin is ${marginSeconds} s`,
    remedy: "Ask for a longer walltime, or set a shorter pilots.margin in the site's file.",
  });
}
