import { bigramsIn, CIDER_SCALE, lengthPenalty } from "./cider-d.ts";
import { MAX_ORDER, orderOf } from "./ngrams.ts";
import { captionTokens } from "./ptb-tokenizer.ts";
import { ReferenceCorpus, type WeighedCaptions } from "./tf-idf.ts";
import { type NumberedCaptions, startsOf, Vocabulary } from "./vocabulary.ts";

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
  const vocabulary = new Vocabulary();
  const numbered = (captions: readonly string[]): NumberedCaptions =>
    vocabulary.apart(vocabulary.number(captionTokens(captions)));
  const captions = numbered(references.flat());
  const corpus = new ReferenceCorpus({ captions, firsts: startsOf(references) });
  const worth = worthOfNgrams(corpus);
  let best = -1;
  let cider = -1;
  const weighed = corpus.weigh(numbered(candidates));
  for (const index of candidates.keys()) {
    const score = scoreEverywhere(weighed, index, worth) / references.length;
    if (score > cider) [best, cider] = [index, score];
  }
  return { caption: candidates[best]!, cider };
}

/** The sum over all images of the CIDEr-D of a caption given to each of them. */
function scoreEverywhere(captions: WeighedCaptions, caption: number, worth: WorthOfNgram): number {
  const { starts, ngrams, counts, norms } = captions;
  const bigrams = bigramsIn(captions.words[caption]!);
  let sum = 0;
  for (let entry = starts[caption]!; entry < starts[caption + 1]!; entry++) {
    const ngram = ngrams[entry]!;
    const norm = norms[MAX_ORDER * caption + orderOf(ngram) - 1]!;
    if (norm > 0) sum += worth(ngram, counts[entry]!, bigrams) / norm;
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
  for (let image = 0; image < corpus.images; image++) {
    const [first, end] = [corpus.firsts[image]!, corpus.firsts[image + 1]!];
    for (let caption = first; caption < end; caption++) {
      addOccurrences(occurrences, corpus.captions, { caption, references: end - first });
    }
  }
  return occurrences;
}

function addOccurrences(
  occurrences: Map<number, Occurrence[]>,
  { starts, ngrams, counts, weights, norms, words }: WeighedCaptions,
  { caption, references }: { caption: number; references: number },
): void {
  const bigrams = bigramsIn(words[caption]!);
  for (let entry = starts[caption]!; entry < starts[caption + 1]!; entry++) {
    const weight = weights[entry]!;
    if (weight === 0) continue;
    const ngram = ngrams[entry]!;
    const count = counts[entry]!;
    const norm = norms[MAX_ORDER * caption + orderOf(ngram) - 1]!;
    const share = ((weight / count) * weight) / (norm * references);
    const found = occurrences.get(ngram);
    if (found) found.push({ count, share, bigrams });
    else occurrences.set(ngram, [{ count, share, bigrams }]);
  }
}
