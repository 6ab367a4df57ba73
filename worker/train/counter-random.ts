import { createHash } from "node:crypto";

const WORDS_PER_BLOCK = 8;
const BYTES_PER_WORD = 4;
const WORD_RANGE = 2 ** 32;

/**
 * Random numbers fixed by a key alone: word i is the big-endian 32-bit word i mod 8 of
 * SHA-256(`<key>/<floor(i / 8)>`). Nothing drawn elsewhere or earlier changes them, so a resumed
 * attempt draws what an uninterrupted one would, on every machine.
 */
export class CounterRandom {
  readonly #key: string;
  #block = Buffer.alloc(0);
  #next = 0;

  constructor(key: string) {
    this.#key = key;
  }

  /** The next integer in [0, 2^32). */
  word(): number {
    const index = this.#next % WORDS_PER_BLOCK;
    if (index === 0) {
      const counter = this.#next / WORDS_PER_BLOCK;
      this.#block = createHash("sha256").update(`${this.#key}/${counter}`).digest();
    }
    this.#next += 1;
    return this.#block.readUInt32BE(index * BYTES_PER_WORD);
  }

  /**
   * The next integer in [0, limit), all equally likely: words of the incomplete top range are
   * skipped.
   */
  below(limit: number): number {
    const accepted = WORD_RANGE - (WORD_RANGE % limit);
    let word = this.word();
    while (word >= accepted) word = this.word();
    return word % limit;
  }
}
