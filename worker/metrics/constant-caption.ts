import { CIDER_SCALE, lengthPenalty } from "./cider-d.ts";
import { MAX_ORDER, orderOf } from "./ngrams.ts";
import { tokenizeCaptions, tokenizeReferences } from "./ptb-tokenizer.ts";
import { ReferenceCorpus, type TfIdfVector } from "./tf-idf.ts";

/** No caption has as many bigrams. */
const MAX_BIGRAMS = 2 ** 26;

/** An n-gram in a reference, and what it brings to a candidate before the candidate's own terms. */
interface Occurrence {
  count: number;
  /** Its weight for one occurrence, times the reference's, over the reference's norm and number. */
  share: number;
  bigrams: number;
}

/**
 * The caption whose mean CIDEr-D over all images is the highest when every image is given it; the
 * first among equals. Takes raw captions and, by image, raw references. What an n-gram is worth
 * depends only on itself, its count and the caption's length, so that each such worth is computed
 * once: the time grows with the references' words times the captions' distinct lengths, not with
 * captions times images.
 */
export function bestConstantCaption(options: {
  candidates: readonly string[];
  references: readonly (readonly string[])[];
}): { caption: string; cider: number } {
  const { candidates, references } = options;
  if (candidates.length === 0) throw new Error("no captions to choose from");
  const corpus = new ReferenceCorpus(tokenizeReferences(references));
  const worth = worthOfNgrams(corpus);
  let best = -1;
  let cider = -1;
  for (const [index, vector] of corpus.weigh(tokenizeCaptions(candidates)).entries()) {
    const score = scoreEverywhere(vector, worth) / references.length;
    if (score > cider) [best, cider] = [index, score];
  }
  return { caption: candidates[best]!, cider };
}

/** The sum over all images of the CIDEr-D of a caption given to each of them. */
function scoreEverywhere(candidate: TfIdfVector, worth: WorthOfNgram): number {
  let sum = 0;
  for (const [index, ngram] of candidate.ngrams.entries()) {
    const norm = candidate.norms[orderOf(ngram) - 1]!;
    if (norm > 0) sum += worth(ngram, candidate.counts[index]!, candidate.bigrams) / norm;
  }
  return (CIDER_SCALE * sum) / MAX_ORDER;
}

/** What an n-gram brings to a caption with so many bigrams that holds it `count` times. */
type WorthOfNgram = (ngram: number, count: number, bigrams: number) => number;

function worthOfNgrams(corpus: ReferenceCorpus): WorthOfNgram {
  const occurrences = occurrencesByNgram(corpus);
  const known = new Map<number, Map<number, number>>();
  return (ngram, count, bigrams) => {
    const found = occurrences.get(ngram);
    if (found === undefined) return 0;
    const ofNgram = known.get(ngram) ?? new Map<number, number>();
    known.set(ngram, ofNgram);
    const key = count * MAX_BIGRAMS + bigrams;
    let worth = ofNgram.get(key);
    if (worth === undefined) {
      worth = 0;
      for (const reference of found) {
        const penalty = lengthPenalty(bigrams - reference.bigrams);
        worth += Math.min(count, reference.count) * reference.share * penalty;
      }
      ofNgram.set(key, worth);
    }
    return worth;
  };
}

function occurrencesByNgram(corpus: ReferenceCorpus): Map<number, Occurrence[]> {
  const occurrences = new Map<number, Occurrence[]>();
  for (const references of corpus.vectors) {
    for (const { ngrams, counts, weights, norms, bigrams } of references) {
      for (const [index, ngram] of ngrams.entries()) {
        const weight = weights[index]!;
        if (weight === 0) continue;
        const count = counts[index]!;
        const norm = norms[orderOf(ngram) - 1]!;
        const share = ((weight / count) * weight) / (norm * references.length);
        const found = occurrences.get(ngram);
        if (found) found.push({ count, share, bigrams });
        else occurrences.set(ngram, [{ count, share, bigrams }]);
      }
    }
  }
  return occurrences;
}
