import type { PilotClock } from "../../../worker/pilot/slice.ts";

/** A clock that moves when it is told to. */
export class FakeClock implements PilotClock {
  #now: number;
  readonly #alarms = new Set<{ at: number; action: () => void }>();

  constructor(now = 0) {
    this.#now = now;
  }

  monotonicSeconds(): number {
    return this.#now;
  }

  after(seconds: number, action: () => void): () => void {
    // Beyond this, Node's setTimeout fires at once.
    const isTooLong = seconds * 1000 > 2 ** 31 - 1;
    const alarm = { at: this.#now + (isTooLong ? 0 : seconds), action };
    this.#alarms.add(alarm);
    return () => this.#alarms.delete(alarm);
  }

  advance(seconds: number): void {
    const end = this.#now + seconds;
    for (;;) {
      const [next] = [...this.#alarms].toSorted((a, b) => a.at - b.at);
      if (!next || next.at > end) break;
      this.#alarms.delete(next);
      this.#now = next.at;
      next.action();
    }
    this.#now = end;
  }
}
