import { MAX_ORDER, type NgramCounts, orderOf } from "./ngrams.ts";

/** The reference code adds these to its counts, so that nothing is divided by zero. */
const TINY = 1e-15;
const SMALL = 1e-9;

/** What BLEU needs to know of a candidate, or of many added up. Index n - 1. */
interface BleuCounts {
  words: number;
  /** The words of the reference nearest in length; of two as near, the shorter. */
  referenceWords: number;
  guessed: number[];
  correct: number[];
}

/**
 * BLEU-1 to BLEU-4 (Papineni et al. 2002) as pycocoevalcap 1.2 computes them, with the length of
 * the closest reference. Takes, by image, the n-grams of the references and of the candidate.
 * `corpus` comes from the counts of all images together. Smoothing is so small that a count of zero
 * makes a score nearly zero.
 */
export function scoreBleu(
  references: readonly (readonly NgramCounts[])[],
  candidates: readonly NgramCounts[],
): { corpus: number[]; perImage: number[][] } {
  const total = emptyCounts();
  const perImage = candidates.map((candidate, image) => {
    const counts = countMatches(candidate, references[image]!);
    total.words += counts.words;
    total.referenceWords += counts.referenceWords;
    for (let index = 0; index < MAX_ORDER; index++) {
      total.guessed[index]! += counts.guessed[index]!;
      total.correct[index]! += counts.correct[index]!;
    }
    return bleuOf(counts);
  });
  return { corpus: bleuOf(total), perImage };
}

function emptyCounts(): BleuCounts {
  return { words: 0, referenceWords: 0, guessed: zeros(), correct: zeros() };
}

function zeros(): number[] {
  return Array.from({ length: MAX_ORDER }, () => 0);
}

function countMatches(candidate: NgramCounts, references: readonly NgramCounts[]): BleuCounts {
  const most = new Int32Array(candidate.ngrams.length);
  for (const reference of references) raiseToCounts(most, candidate, reference);
  const counts = emptyCounts();
  for (let index = 0; index < most.length; index++) {
    const order = orderOf(candidate.ngrams[index]!);
    counts.guessed[order - 1]! += candidate.counts[index]!;
    counts.correct[order - 1]! += Math.min(candidate.counts[index]!, most[index]!);
  }
  counts.words = counts.guessed[0]!;
  counts.referenceWords = nearestLength(counts.words, references.map(wordsIn));
  return counts;
}

function wordsIn({ ngrams, counts }: NgramCounts): number {
  return counts.reduce((sum, one, index) => sum + (orderOf(ngrams[index]!) === 1 ? one : 0), 0);
}

/** Raises `most`, which runs in parallel to the candidate, to the counts of a reference. */
function raiseToCounts(most: Int32Array, candidate: NgramCounts, reference: NgramCounts): void {
  let other = 0;
  for (let index = 0; index < most.length; index++) {
    const ngram = candidate.ngrams[index]!;
    while (other < reference.ngrams.length && reference.ngrams[other]! < ngram) other++;
    if (reference.ngrams[other] === ngram) {
      most[index] = Math.max(most[index]!, reference.counts[other]!);
    }
  }
}

function nearestLength(length: number, lengths: readonly number[]): number {
  return lengths.reduce((nearest, one) => {
    const nearer = Math.abs(one - length) - Math.abs(nearest - length);
    return nearer < 0 || (nearer === 0 && one < nearest) ? one : nearest;
  });
}

function bleuOf({ words, referenceWords, guessed, correct }: BleuCounts): number[] {
  const ratio = (words + TINY) / (referenceWords + SMALL);
  const brevityPenalty = ratio < 1 ? Math.exp(1 - 1 / ratio) : 1;
  let product = 1;
  return correct.map((matches, index) => {
    product *= (matches + TINY) / (guessed[index]! + SMALL);
    return product ** (1 / (index + 1)) * brevityPenalty;
  });
}
