import { PairNumbers } from "./pair-numbers.ts";
import type { NumberedCaptions } from "./vocabulary.ts";

/** N-grams of one to four words count, in every metric here. */
export const MAX_ORDER = 4;

/** An n-gram's number is its rank times four, plus its words less one. */
const ORDER_BITS = 2;

/**
 * The distinct n-grams of captions, one caption after another: an entry is a place in `ngrams` and
 * in `counts`.
 */
export interface CaptionNgrams {
  /** The entries of caption c are those from `starts[c]` up to `starts[c + 1]`. */
  starts: Int32Array;
  /** Numbers, those of a caption in the order of their first appearance. */
  ngrams: Int32Array;
  /** How often each occurs in its caption. */
  counts: Int32Array;
  /** By caption, how many words it has. */
  words: Int32Array;
}

/** How many words an n-gram has. */
export function orderOf(ngram: number): number {
  return (ngram & (MAX_ORDER - 1)) + 1;
}

/** The rank of an n-gram by first appearance, from 0, over all orders. */
export function rankOf(ngram: number): number {
  return ngram >> ORDER_BITS;
}

/** How many n-grams of one order a caption of so many words has. */
export function ngramsIn(words: number, order: number): number {
  return Math.max(0, words - order + 1);
}

/** Numbers n-grams: equal n-grams have equal numbers, and the number tells order and rank. */
export class NgramNumbering {
  /** By the n-gram without its last word, and that word. */
  readonly #ranks: PairNumbers;

  /** A numbering that goes on from `base`, which stays as it is and must not grow meanwhile. */
  constructor(base: NgramNumbering | null = null) {
    this.#ranks = new PairNumbers(base === null ? null : base.#ranks);
  }

  /** How many n-grams have a number. */
  get size(): number {
    return this.#ranks.count;
  }

  /** Counts the n-grams of captions of one vocabulary. New n-grams get numbers. */
  count({ starts, words }: NumberedCaptions): CaptionNgrams {
    const lengths = new Int32Array(starts.length - 1);
    for (let caption = 0; caption < lengths.length; caption++) {
      lengths[caption] = starts[caption + 1]! - starts[caption]!;
    }
    const all = new Int32Array(occurrencesIn(lengths));
    /** By word, its n-gram, once it is known. */
    const alone: number[] = [];
    let taken = 0;
    for (let caption = 0; caption < lengths.length; caption++) {
      const end = starts[caption + 1]!;
      for (let start = starts[caption]!; start < end; start++) {
        const last = Math.min(end, start + MAX_ORDER);
        const word = words[start]!;
        let ngram = (alone[word] ??= this.#ranks.of(-1, word) << ORDER_BITS);
        all[taken++] = ngram;
        for (let index = start + 1; index < last; index++) {
          ngram = (this.#ranks.of(ngram, words[index]!) << ORDER_BITS) | (index - start);
          all[taken++] = ngram;
        }
      }
    }
    return tally(lengths, all, this.size);
  }
}

function occurrencesIn(words: Int32Array): number {
  let occurrences = 0;
  for (const count of words) occurrences += occurrencesInCaption(count);
  return occurrences;
}

function occurrencesInCaption(words: number): number {
  let occurrences = 0;
  for (let order = 1; order <= MAX_ORDER; order++) occurrences += ngramsIn(words, order);
  return occurrences;
}

/** Takes over `all`, and finds a caption's n-grams there as often as they occur. */
function tally(words: Int32Array, all: Int32Array, numbered: number): CaptionNgrams {
  const starts = new Int32Array(words.length + 1);
  const counts = new Int32Array(all.length);
  /** By rank, where the last caption with the n-gram counts it. */
  const entryOf = new Int32Array(numbered).fill(-1);
  let entries = 0;
  let index = 0;
  for (const [caption, count] of words.entries()) {
    const first = entries;
    for (const end = index + occurrencesInCaption(count); index < end; index++) {
      const ngram = all[index]!;
      const rank = rankOf(ngram);
      if (entryOf[rank]! < first) {
        entryOf[rank] = entries;
        all[entries++] = ngram;
      }
      counts[entryOf[rank]!]!++;
    }
    starts[caption + 1] = entries;
  }
  return { starts, ngrams: all.subarray(0, entries), counts: counts.subarray(0, entries), words };
}
