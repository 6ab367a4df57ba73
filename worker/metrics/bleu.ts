import type { NgramMatches } from "./ngram-matches.ts";
import { type CaptionNgrams, MAX_ORDER, ngramsIn, orderOf } from "./ngrams.ts";
import type { ReferenceCorpus } from "./tf-idf.ts";

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
 * the closest reference. Takes one candidate for each image, and its matches. `corpus` comes from
 * the counts of all images together. Smoothing is so small that a count of zero makes a score
 * nearly zero.
 */
export function scoreBleu(
  { captions, firsts, images }: ReferenceCorpus,
  candidates: CaptionNgrams,
  matches: NgramMatches,
): { corpus: number[]; perImage: number[][] } {
  const most = highestCounts(captions, candidates, matches);
  const total: BleuCounts = { words: 0, referenceWords: 0, guessed: zeros(), correct: zeros() };
  const perImage = Array.from({ length: images }, (_, image) => {
    const words = candidates.words[image]!;
    const lengths = captions.words.subarray(firsts[image], firsts[image + 1]);
    const counts = {
      words,
      referenceWords: nearestLength(words, lengths),
      guessed: Array.from({ length: MAX_ORDER }, (__, index) => ngramsIn(words, index + 1)),
      correct: correctIn(candidates, image, most),
    };
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

function zeros(): number[] {
  return Array.from({ length: MAX_ORDER }, () => 0);
}

/** By entry of the candidates, the highest count that a reference has. */
function highestCounts(
  references: CaptionNgrams,
  candidates: CaptionNgrams,
  { candidateEntries, referenceEntries }: NgramMatches,
): Int32Array {
  const most = new Int32Array(candidates.ngrams.length);
  for (let match = 0; match < candidateEntries.length; match++) {
    const entry = candidateEntries[match]!;
    most[entry] = Math.max(most[entry]!, references.counts[referenceEntries[match]!]!);
  }
  return most;
}

function correctIn(
  { starts, ngrams, counts }: CaptionNgrams,
  image: number,
  most: Int32Array,
): number[] {
  const correct = zeros();
  for (let entry = starts[image]!; entry < starts[image + 1]!; entry++) {
    correct[orderOf(ngrams[entry]!) - 1]! += Math.min(counts[entry]!, most[entry]!);
  }
  return correct;
}

function nearestLength(length: number, lengths: Int32Array): number {
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
