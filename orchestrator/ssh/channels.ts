import { Failure } from "../../worker/contract/failure.ts";
import { errorText } from "./ssh-failures.ts";

/** Below OpenSSH's default MaxSessions of 10: others may share the connection's allowance. */
const MOST_CHANNELS = 6;

const REFUSED = /Channel open failure|No free channels/;

/** Gives a channel's place back; safe to repeat. */
export type Release = () => void;

interface Opened<T> {
  channel: T;
  release: Release;
}

/**
 * Keeps the channels of one connection below what its server allows. Further ones wait for a place;
 * one that the server refuses waits as well, while others are open that will end.
 */
export class Channels {
  readonly #name: string;
  readonly #waiting: (() => void)[] = [];
  #limit = MOST_CHANNELS;
  #open = 0;
  /** Those open until their user ends them: nobody may wait for these. */
  #lasting = 0;

  constructor(name: string) {
    this.#name = name;
  }

  /** Opens a channel by `open` when there is a place; the caller calls `release` at its close. */
  async open<T>(open: () => Promise<T>, { lasting }: { lasting: boolean }): Promise<Opened<T>> {
    for (;;) {
      if (this.#open >= this.#limit) {
        await this.#place();
        continue;
      }
      this.#open += 1;
      try {
        const channel = await open();
        if (lasting) this.#lasting += 1;
        return { channel, release: this.#releaser(lasting) };
      } catch (error) {
        this.#releaser(false)();
        if (!REFUSED.test(errorText(error))) throw error;
        this.#limit = Math.max(1, this.#open);
        if (this.#open <= this.#lasting) throw this.#refused(errorText(error));
      }
    }
  }

  async #place(): Promise<void> {
    if (this.#open <= this.#lasting) throw this.#refused(`${this.#open} are open`);
    await new Promise<void>((resolve) => {
      this.#waiting.push(resolve);
    });
  }

  #releaser(lasting: boolean): Release {
    let released = false;
    return () => {
      if (released) return;
      released = true;
      this.#open -= 1;
      if (lasting) this.#lasting -= 1;
      this.#waiting.shift()?.();
    };
  }

  #refused(why: string): Failure {
    return new Failure({
      reason: "ssh-unreachable",
      message: `${this.#name}: the server allows no further session (${why})`,
      remedy: "ask its administrators whether commands and sftp are allowed, and for MaxSessions",
    });
  }
}
