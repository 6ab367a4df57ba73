import { MAX_ORDER, orderOf } from "./ngrams.ts";
import { ReferenceCorpus, type TfIdfVector } from "./tf-idf.ts";

const SIGMA = 6;

/** What CIDEr-D multiplies the mean similarity with. */
export const CIDER_SCALE = 10;

/** The factor for a candidate and a reference that differ by so many bigrams. */
export function lengthPenalty(bigramDifference: number): number {
  return Math.exp(-(bigramDifference ** 2) / (2 * SIGMA ** 2));
}

/** The score of each image and their mean. */
export interface CiderScores {
  mean: number;
  perImage: number[];
}

/**
 * CIDEr-D (Vedantam et al. 2015, arXiv:1411.5726) as pycocoevalcap 1.2 computes it: n-grams of up
 * to four words, sigma 6, clipped weights, ten times the mean over n and over references.
 * Takes one candidate for each image, weighted by the corpus.
 */
export function scoreCiderD(corpus: ReferenceCorpus, candidates: TfIdfVector[]): CiderScores {
  const { vectors } = corpus;
  if (candidates.length !== vectors.length) {
    throw new Error(`${candidates.length} candidates for ${vectors.length} images`);
  }
  const perImage = candidates.map((candidate, image) => {
    const references = vectors[image]!;
    const sum = references.reduce((total, one) => total + similarity(candidate, one), 0);
    return (CIDER_SCALE * sum) / references.length;
  });
  return { mean: perImage.reduce((sum, one) => sum + one, 0) / perImage.length, perImage };
}

/** Scores candidates for the same references again and again, which are prepared once. */
export class CiderD {
  readonly #corpus: ReferenceCorpus;

  /** Takes tokenised references by image: at least one image, at least one reference each. */
  constructor(references: readonly (readonly string[])[]) {
    this.#corpus = new ReferenceCorpus(references);
  }

  /** Scores one tokenised candidate for each image, in the order of the references. */
  score(candidates: readonly string[]): CiderScores {
    return scoreCiderD(this.#corpus, this.#corpus.weigh(candidates));
  }
}

/** The mean over n of the clipped cosine, times the length penalty. */
function similarity(candidate: TfIdfVector, reference: TfIdfVector): number {
  const products = new Float64Array(MAX_ORDER);
  let other = 0;
  for (let index = 0; index < candidate.ngrams.length; index++) {
    const ngram = candidate.ngrams[index]!;
    while (other < reference.ngrams.length && reference.ngrams[other]! < ngram) other++;
    if (reference.ngrams[other] === ngram) {
      const weight = reference.weights[other]!;
      products[orderOf(ngram) - 1]! += Math.min(candidate.weights[index]!, weight) * weight;
    }
  }
  let sum = 0;
  for (let index = 0; index < MAX_ORDER; index++) {
    // A norm of zero leaves no product to divide.
    sum += products[index]! / (candidate.norms[index]! * reference.norms[index]! || 1);
  }
  return (sum / MAX_ORDER) * lengthPenalty(candidate.bigrams - reference.bigrams);
}
