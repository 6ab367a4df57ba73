import { splitWords } from "./words.ts";

/** Captions as numbers of words, one caption after another. */
export interface NumberedCaptions {
  /** The words of caption c are those from `starts[c]` up to `starts[c + 1]`. */
  starts: Int32Array;
  words: Int32Array;
}

/** The numbered references of images, one image after another. */
export interface NumberedReferences {
  captions: NumberedCaptions;
  /** The references of image i are the captions from `firsts[i]` up to `firsts[i + 1]`. */
  firsts: Int32Array;
}

/** Numbers words: equal words have equal numbers. */
export class Vocabulary {
  readonly #numbers = new Map<string, number>();
  /** By number, the words of what holds white space. */
  readonly #parts = new Map<number, readonly number[]>();

  /** Takes the words of captions, which may hold white space as the tokenizer's tokens do. */
  number(captions: readonly (readonly string[])[]): NumberedCaptions {
    const starts = startsOf(captions);
    const words = new Int32Array(starts.at(-1)!);
    let taken = 0;
    for (const caption of captions) {
      for (const word of caption) words[taken++] = this.#numberOf(word);
    }
    return { starts, words };
  }

  /** The same captions with what holds white space taken apart. */
  apart(captions: NumberedCaptions): NumberedCaptions {
    if (this.#parts.size === 0) return captions;
    const { starts, words } = captions;
    const each = Array.from({ length: starts.length - 1 }, (_, caption) =>
      Array.from(words.subarray(starts[caption], starts[caption + 1])).flatMap(
        (word) => this.#parts.get(word) ?? word,
      ),
    );
    return { starts: startsOf(each), words: Int32Array.from(each.flat()) };
  }

  #numberOf(word: string): number {
    const known = this.#numbers.get(word);
    if (known !== undefined) return known;
    const number = this.#numbers.size;
    this.#numbers.set(word, number);
    const parts = splitWords(word);
    if (parts[0] !== word) {
      this.#parts.set(
        number,
        parts.map((part) => this.#numberOf(part)),
      );
    }
    return number;
  }
}

/** Where each list begins when all stand one after another, and where the last one ends. */
export function startsOf(lists: readonly { length: number }[]): Int32Array {
  const starts = new Int32Array(lists.length + 1);
  for (const [index, { length }] of lists.entries()) starts[index + 1] = starts[index]! + length;
  return starts;
}
