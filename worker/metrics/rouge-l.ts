import type { NumberedCaptions, NumberedReferences } from "./vocabulary.ts";

/** How much more recall counts than precision. */
const BETA = 1.2;

/**
 * ROUGE-L (Lin 2004) of one candidate for each image as pycocoevalcap 1.2 computes it: the
 * F-measure of the best precision and the best recall over the references, each taken for itself.
 * Words are the tokenizer's tokens.
 */
export function scoreRougeL(
  { captions, firsts }: NumberedReferences,
  candidates: NumberedCaptions,
): number[] {
  return Array.from({ length: firsts.length - 1 }, (_, image) => {
    const words = wordsOf(candidates, image);
    let precision = 0;
    let recall = 0;
    for (let reference = firsts[image]!; reference < firsts[image + 1]!; reference++) {
      const referenceWords = wordsOf(captions, reference);
      const common = longestCommonSubsequence(words, referenceWords);
      precision = Math.max(precision, common / words.length);
      recall = Math.max(recall, common / referenceWords.length);
    }
    if (precision === 0 || recall === 0) return 0;
    return ((1 + BETA ** 2) * precision * recall) / (recall + BETA ** 2 * precision);
  });
}

/** The reference code splits at blanks, so that a caption without words has an empty one. */
const NO_WORDS = Int32Array.of(-1);

function wordsOf({ starts, words }: NumberedCaptions, caption: number): Int32Array {
  const own = words.subarray(starts[caption], starts[caption + 1]);
  return own.length === 0 ? NO_WORDS : own;
}

function longestCommonSubsequence(a: Int32Array, b: Int32Array): number {
  /** Of the words of `a` so far and the first words of `b`. */
  const lengths = new Int32Array(b.length);
  for (const word of a) {
    let before = 0;
    let diagonal = 0;
    for (let index = 0; index < b.length; index++) {
      const above = lengths[index]!;
      before = word === b[index] ? diagonal + 1 : Math.max(above, before);
      lengths[index] = before;
      diagonal = above;
    }
  }
  return lengths.at(-1)!;
}
