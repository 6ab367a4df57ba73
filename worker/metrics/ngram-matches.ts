import { type CaptionNgrams, rankOf } from "./ngrams.ts";
import type { ReferenceCorpus } from "./tf-idf.ts";

/** The n-grams that candidates share with the references of their images. */
export interface NgramMatches {
  /** The matches of reference r are those from `starts[r]` up to `starts[r + 1]`. */
  starts: Int32Array;
  /** By match, the entry of the candidate and that of the reference. */
  candidateEntries: Int32Array;
  referenceEntries: Int32Array;
}

/** Matches one candidate for each image. Throws where there are more or fewer. */
export function matchReferences(corpus: ReferenceCorpus, candidates: CaptionNgrams): NgramMatches {
  const { captions, firsts, images, ngramCount } = corpus;
  if (candidates.words.length !== images) {
    throw new Error(`${candidates.words.length} candidates for ${images} images`);
  }
  const starts = new Int32Array(captions.words.length + 1);
  const candidateEntries = new Int32Array(captions.ngrams.length);
  const referenceEntries = new Int32Array(captions.ngrams.length);
  /** By rank, where the last candidate with the n-gram has it. */
  const entryOf = new Int32Array(ngramCount).fill(-1);
  let matches = 0;
  for (let image = 0; image < images; image++) {
    const first = candidates.starts[image]!;
    for (let entry = first; entry < candidates.starts[image + 1]!; entry++) {
      const rank = rankOf(candidates.ngrams[entry]!);
      if (rank < ngramCount) entryOf[rank] = entry;
    }
    for (let caption = firsts[image]!; caption < firsts[image + 1]!; caption++) {
      const end = captions.starts[caption + 1]!;
      for (let entry = captions.starts[caption]!; entry < end; entry++) {
        const candidateEntry = entryOf[rankOf(captions.ngrams[entry]!)]!;
        if (candidateEntry < first) continue;
        candidateEntries[matches] = candidateEntry;
        referenceEntries[matches++] = entry;
      }
      starts[caption + 1] = matches;
    }
  }
  return {
    starts,
    candidateEntries: candidateEntries.subarray(0, matches),
    referenceEntries: referenceEntries.subarray(0, matches),
  };
}
