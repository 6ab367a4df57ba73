import { MAX_ORDER, type NgramCounts, NgramNumbering, orderOf, rankOf } from "./ngrams.ts";
import { splitWords } from "./words.ts";

/** A caption as CIDEr-D sees it. */
export interface TfIdfVector extends NgramCounts {
  /** Count times inverse document frequency, in parallel to the n-grams. */
  weights: Float64Array;
  /** The Euclidean length for each n; index n - 1. */
  norms: Float64Array;
  /** How many bigrams the caption has: what CIDEr-D takes for its length. */
  bigrams: number;
}

/**
 * The references of all images as vectors. The document frequency of an n-gram is the number of
 * images with it in a reference; its weight is ln(images) - ln(max(1, document frequency)).
 */
export class ReferenceCorpus {
  /** By image, the vectors of its references. */
  readonly vectors: TfIdfVector[][];
  readonly #numbering = new NgramNumbering();
  /** By the rank of the n-gram. */
  readonly #weights: Float64Array;
  /** Of n-grams in no reference. */
  readonly #unseenWeight: number;

  /** Takes tokenised references by image: at least one image, at least one reference each. */
  constructor(references: readonly (readonly string[])[]) {
    if (references.length === 0) throw new Error("no images to score");
    const counted = references.map((captions, image) => {
      if (captions.length === 0) throw new Error(`image ${image} has no references`);
      return captions.map((caption) => this.#numbering.count(splitWords(caption)));
    });
    this.#unseenWeight = Math.log(counted.length);
    this.#weights = documentFrequencies(counted, this.#numbering.size).map(
      (frequency) => this.#unseenWeight - Math.log(frequency),
    );
    this.vectors = counted.map((captions) => captions.map((caption) => this.#vector(caption)));
  }

  /** The vectors of other tokenised captions, weighted by the references. */
  weigh(captions: readonly string[]): TfIdfVector[] {
    const numbering = new NgramNumbering(this.#numbering);
    return captions.map((caption) => this.#vector(numbering.count(splitWords(caption))));
  }

  #vector({ ngrams, counts }: NgramCounts): TfIdfVector {
    const weights = new Float64Array(ngrams.length);
    const norms = new Float64Array(MAX_ORDER);
    let bigrams = 0;
    for (let index = 0; index < ngrams.length; index++) {
      const order = orderOf(ngrams[index]!);
      const rank = rankOf(ngrams[index]!);
      const seen = rank < this.#weights.length;
      const weight = counts[index]! * (seen ? this.#weights[rank]! : this.#unseenWeight);
      weights[index] = weight;
      norms[order - 1]! += weight ** 2;
      if (order === 2) bigrams += counts[index]!;
    }
    for (let index = 0; index < MAX_ORDER; index++) norms[index] = Math.sqrt(norms[index]!);
    return { ngrams, counts, weights, norms, bigrams };
  }
}

/** By rank, the number of images that hold the n-gram in a reference. */
function documentFrequencies(images: readonly NgramCounts[][], ngramCount: number): Float64Array {
  const frequencies = new Float64Array(ngramCount);
  const lastImage = new Int32Array(ngramCount).fill(-1);
  for (const [image, references] of images.entries()) {
    for (const { ngrams } of references) {
      for (let index = 0; index < ngrams.length; index++) {
        const rank = rankOf(ngrams[index]!);
        if (lastImage[rank] !== image) frequencies[rank]!++;
        lastImage[rank] = image;
      }
    }
  }
  return frequencies;
}
