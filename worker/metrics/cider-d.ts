import { matchReferences, type NgramMatches } from "./ngram-matches.ts";
import { MAX_ORDER, ngramsIn, orderOf } from "./ngrams.ts";
import { ReferenceCorpus, type WeighedCaptions } from "./tf-idf.ts";
import { startsOf, Vocabulary } from "./vocabulary.ts";
import { splitWords } from "./words.ts";

const SIGMA = 6;

/** What CIDEr-D multiplies the mean similarity with. */
export const CIDER_SCALE = 10;

/** The factor for a candidate and a reference that differ by so many bigrams. */
export function lengthPenalty(bigramDifference: number): number {
  return Math.exp(-(bigramDifference ** 2) / (2 * SIGMA ** 2));
}

/** How many bigrams a caption of so many words has: what CIDEr-D takes for its length. */
export function bigramsIn(words: number): number {
  return ngramsIn(words, 2);
}

/** The score of each image and their mean. */
export interface CiderScores {
  mean: number;
  perImage: number[];
}

/**
 * CIDEr-D (Vedantam et al. 2015, arXiv:1411.5726) as pycocoevalcap 1.2 computes it: n-grams of up
 * to four words, sigma 6, clipped weights, ten times the mean over n and over references.
 * Takes one candidate for each image, weighted by the corpus, and its matches.
 */
export function scoreCiderD(
  corpus: ReferenceCorpus,
  candidates: WeighedCaptions,
  matches: NgramMatches,
): CiderScores {
  const similarityOf = similarities(corpus.captions, candidates, matches);
  const perImage = Array.from({ length: corpus.images }, (_, image) => {
    const [first, end] = [corpus.firsts[image]!, corpus.firsts[image + 1]!];
    let sum = 0;
    for (let reference = first; reference < end; reference++) sum += similarityOf(image, reference);
    return (CIDER_SCALE * sum) / (end - first);
  });
  return { mean: perImage.reduce((sum, one) => sum + one, 0) / perImage.length, perImage };
}

/** Scores candidates for the same references again and again, which are prepared once. */
export class CiderD {
  readonly #vocabulary = new Vocabulary();
  readonly #corpus: ReferenceCorpus;

  /** Takes tokenised references by image: at least one image, at least one reference each. */
  constructor(references: readonly (readonly string[])[]) {
    const captions = this.#vocabulary.number(references.flat().map(splitWords));
    this.#corpus = new ReferenceCorpus({ captions, firsts: startsOf(references) });
  }

  /** Scores one tokenised candidate for each image, in the order of the references. */
  score(candidates: readonly string[]): CiderScores {
    const weighed = this.#corpus.weigh(this.#vocabulary.number(candidates.map(splitWords)));
    return scoreCiderD(this.#corpus, weighed, matchReferences(this.#corpus, weighed));
  }
}

/** The mean over n of the clipped cosine, times the length penalty. */
function similarities(
  references: WeighedCaptions,
  candidates: WeighedCaptions,
  { starts, candidateEntries, referenceEntries }: NgramMatches,
): (candidate: number, reference: number) => number {
  const products = new Float64Array(MAX_ORDER);
  return (candidate, reference) => {
    products.fill(0);
    for (let match = starts[reference]!; match < starts[reference + 1]!; match++) {
      const entry = referenceEntries[match]!;
      const weight = references.weights[entry]!;
      const clipped = Math.min(candidates.weights[candidateEntries[match]!]!, weight);
      products[orderOf(references.ngrams[entry]!) - 1]! += clipped * weight;
    }
    let sum = 0;
    for (let index = 0; index < MAX_ORDER; index++) {
      const norm = candidates.norms[MAX_ORDER * candidate + index]!;
      // A norm of zero leaves no product to divide.
      sum += products[index]! / (norm * references.norms[MAX_ORDER * reference + index]! || 1);
    }
    const [one, other] = [candidates.words[candidate]!, references.words[reference]!];
    return (sum / MAX_ORDER) * lengthPenalty(bigramsIn(one) - bigramsIn(other));
  };
}
