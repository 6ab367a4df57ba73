import { PairNumbers } from "./pair-numbers.ts";

/** N-grams of one to four words count, in every metric here. */
export const MAX_ORDER = 4;

/** The distinct n-grams of a text by rising number, and how often each occurs. */
export interface NgramCounts {
  ngrams: Int32Array;
  counts: Int32Array;
}

/** How many words an n-gram has. */
export function orderOf(ngram: number): number {
  return (ngram % MAX_ORDER) + 1;
}

/** The rank of an n-gram by first appearance, from 0, over all orders. */
export function rankOf(ngram: number): number {
  return (ngram - (ngram % MAX_ORDER)) / MAX_ORDER;
}

/** Numbers n-grams: equal n-grams have equal numbers, and the number tells order and rank. */
export class NgramNumbering {
  readonly #baseWords: ReadonlyMap<string, number>;
  readonly #words = new Map<string, number>();
  /** By the n-gram without its last word, and that word. */
  readonly #ranks: PairNumbers;

  /** A numbering that goes on from `base`, which stays as it is and must not grow meanwhile. */
  constructor(base: NgramNumbering | null = null) {
    this.#baseWords = base === null ? new Map() : base.#words;
    this.#ranks = new PairNumbers(base === null ? null : base.#ranks);
  }

  /** How many n-grams have a number. */
  get size(): number {
    return this.#ranks.count;
  }

  /** Counts the n-grams of a text. New n-grams get numbers. */
  count(words: readonly string[]): NgramCounts {
    const numbers = words.map((word) => this.#wordNumber(word));
    const found = new Int32Array(ngramsIn(words.length));
    let taken = 0;
    for (let start = 0; start < numbers.length; start++) {
      let ngram = -1;
      const end = Math.min(numbers.length, start + MAX_ORDER);
      for (let index = start; index < end; index++) {
        ngram = this.#ranks.of(ngram, numbers[index]!) * MAX_ORDER + (index - start);
        found[taken++] = ngram;
      }
    }
    return tally(found.toSorted());
  }

  #wordNumber(word: string): number {
    const known = this.#baseWords.get(word) ?? this.#words.get(word);
    if (known !== undefined) return known;
    const number = this.#baseWords.size + this.#words.size;
    this.#words.set(word, number);
    return number;
  }
}

function ngramsIn(words: number): number {
  let ngrams = 0;
  for (let order = 1; order <= MAX_ORDER; order++) ngrams += Math.max(0, words - order + 1);
  return ngrams;
}

/** Takes the array over. */
function tally(sorted: Int32Array): NgramCounts {
  const counts = new Int32Array(sorted.length);
  let distinct = 0;
  for (let index = 0; index < sorted.length; index++) {
    const ngram = sorted[index]!;
    if (distinct === 0 || sorted[distinct - 1] !== ngram) sorted[distinct++] = ngram;
    counts[distinct - 1]!++;
  }
  return { ngrams: sorted.subarray(0, distinct), counts: counts.subarray(0, distinct) };
}
