import { type CaptionNgrams, MAX_ORDER, NgramNumbering, orderOf, rankOf } from "./ngrams.ts";
import type { NumberedCaptions, NumberedReferences } from "./vocabulary.ts";

/** Captions as CIDEr-D sees them. */
export interface WeighedCaptions extends CaptionNgrams {
  /** By entry, count times inverse document frequency. */
  weights: Float64Array;
  /** The Euclidean lengths: that of n words in caption c at `MAX_ORDER * c + n - 1`. */
  norms: Float64Array;
}

/**
 * The references of all images as vectors. The document frequency of an n-gram is the number of
 * images with it in a reference; its weight is ln(images) - ln(max(1, document frequency)).
 */
export class ReferenceCorpus {
  /** As in `NumberedReferences`. */
  readonly firsts: Int32Array;
  readonly captions: WeighedCaptions;
  readonly #numbering = new NgramNumbering();
  /** By the rank of the n-gram. */
  readonly #weights: Float64Array;
  /** Of n-grams in no reference. */
  readonly #unseenWeight: number;

  /** Takes references, taken apart: at least one image, at least one reference each. */
  constructor({ captions, firsts }: NumberedReferences) {
    this.firsts = firsts;
    if (this.images === 0) throw new Error("no images to score");
    const bare = firsts.findIndex((first, image) => first === firsts[image + 1]);
    if (bare >= 0) throw new Error(`image ${bare} has no references`);
    const counted = this.#numbering.count(captions);
    this.#unseenWeight = Math.log(this.images);
    this.#weights = documentFrequencies(firsts, counted, this.#numbering.size).map(
      (frequency) => this.#unseenWeight - Math.log(frequency),
    );
    this.captions = this.#weighed(counted);
  }

  get images(): number {
    return this.firsts.length - 1;
  }

  /** How many distinct n-grams the references have; theirs are the ranks below. */
  get ngramCount(): number {
    return this.#weights.length;
  }

  /** Other captions of the same vocabulary, taken apart, weighted by the references. */
  weigh(captions: NumberedCaptions): WeighedCaptions {
    return this.#weighed(new NgramNumbering(this.#numbering).count(captions));
  }

  #weighed(counted: CaptionNgrams): WeighedCaptions {
    const { starts, ngrams, counts, words } = counted;
    const weights = new Float64Array(ngrams.length);
    const norms = new Float64Array(MAX_ORDER * words.length);
    for (let caption = 0; caption < words.length; caption++) {
      const firstNorm = MAX_ORDER * caption;
      for (let entry = starts[caption]!; entry < starts[caption + 1]!; entry++) {
        const ngram = ngrams[entry]!;
        const rank = rankOf(ngram);
        const isSeen = rank < this.#weights.length;
        const weight = counts[entry]! * (isSeen ? this.#weights[rank]! : this.#unseenWeight);
        weights[entry] = weight;
        norms[firstNorm + orderOf(ngram) - 1]! += weight * weight;
      }
    }
    for (let index = 0; index < norms.length; index++) norms[index] = Math.sqrt(norms[index]!);
    return { ...counted, weights, norms };
  }
}

/** By rank, the number of images that hold the n-gram in a reference. */
function documentFrequencies(
  firsts: Int32Array,
  { starts, ngrams }: CaptionNgrams,
  ngramCount: number,
): Float64Array {
  const frequencies = new Float64Array(ngramCount);
  const lastImage = new Int32Array(ngramCount).fill(-1);
  for (let image = 0; image + 1 < firsts.length; image++) {
    const end = starts[firsts[image + 1]!]!;
    for (let entry = starts[firsts[image]!]!; entry < end; entry++) {
      const rank = rankOf(ngrams[entry]!);
      if (lastImage[rank] !== image) frequencies[rank]!++;
      lastImage[rank] = image;
    }
  }
  return frequencies;
}
