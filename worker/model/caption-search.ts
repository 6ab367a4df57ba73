import { applyTokenRules, bestCandidates, toLogProbabilities } from "./token-scores.ts";
import type { TokenRules } from "./token-scores.ts";

/** How captions are searched for. With one beam the search is greedy. */
export interface SearchSettings extends TokenRules {
  numBeams: number;
  /** Limit of the whole sequence, first tokens included. */
  maxLength: number;
  /** A finished beam's score is divided by its number of new tokens to this power. */
  lengthPenalty: number;
  /** Whether an image is done as soon as it has `numBeams` finished captions. */
  earlyStopping: boolean;
  /**
   * Whether images that are done go on as long as another one is not, as `generate()` has it: then
   * a caption can depend on the images beside it.
   */
  together: boolean;
  /** The token that ends a caption. */
  endId: number;
}

/** A greedy search for whatever scores highest, as `generate()` of Hugging Face unless asked. */
export const PLAIN_SEARCH = {
  numBeams: 1,
  repetitionPenalty: 1,
  noRepeatNgramSize: 0,
  minLength: 0,
  lengthPenalty: 1,
  earlyStopping: false,
  together: false,
};

/** A model that scores next tokens for rows of unfinished sequences: for the caller to change. */
export interface NextTokenModel {
  /** Scores after the first tokens, for each image. [images][V] */
  start(): Promise<Float32Array[]>;
  /**
   * Scores after one more token on each row: row i continues row `parents[i]` of the call before
   * (at first, of image `parents[i]`) with `tokens[i]`. [rows][V]
   */
  advance(step: { parents: number[]; tokens: number[] }): Promise<Float32Array[]>;
}

/** A caption's ids, first tokens included, and [SEP] where it was reached. */
export interface FoundCaption {
  ids: number[];
  /** The score that beams are ranked by; null from a greedy search. */
  score: number | null;
}

/** An unfinished sequence; `sum` is the logarithm of its new tokens' joint probability. */
interface Beam {
  ids: number[];
  sum: number;
  /** The model's row that it continues. */
  parent: number;
}

interface ImageSearch {
  /** Unfinished sequences, best first. */
  beams: Beam[];
  /** Finished ones, best first: by [SEP], or by the limit of the length. */
  found: FoundCaption[];
  /** Whether no better one is expected. */
  isDone: boolean;
}

interface SearchContext {
  settings: SearchSettings;
  firstLength: number;
}

/**
 * Searches a caption for each of `images` images, all beginning with `firstIds`, exactly as
 * `generate()` of Hugging Face transformers 4.51. Returns up to `numBeams` captions an image, best
 * first. An image that is done is not asked for again.
 */
export async function searchCaptions(
  model: NextTokenModel,
  { images, firstIds }: { images: number; firstIds: readonly number[] },
  settings: SearchSettings,
): Promise<FoundCaption[][]> {
  if (firstIds.length >= settings.maxLength) throw new Error("no room for a new token");
  const context = { settings, firstLength: firstIds.length };
  const searches: ImageSearch[] = Array.from({ length: images }, (_, parent) => ({
    beams: [{ ids: [...firstIds], sum: 0, parent }],
    found: [],
    isDone: false,
  }));
  const extend = settings.numBeams === 1 ? extendGreedily : extendBeams;
  let scores = await model.start();
  for (let open = searches; ;) {
    for (const search of open) extend(search, scores, context);
    open = thoseGoingOn(open, settings);
    if (open.length === 0) return searches.map(({ found }) => found);
    const beams = open.flatMap((search) => search.beams);
    const parents = beams.map((beam) => beam.parent);
    const tokens = beams.map((beam) => beam.ids.at(-1)!);
    scores = await model.advance({ parents, tokens });
    for (const [row, beam] of beams.entries()) beam.parent = row;
  }
}

function thoseGoingOn(
  searches: ImageSearch[],
  { together, earlyStopping }: SearchSettings,
): ImageSearch[] {
  const undone = searches.filter(({ isDone }) => !isDone);
  // With early stopping nothing more is added to an image that is done.
  if (!together || earlyStopping || undone.length === 0) return undone;
  return searches.filter(({ beams }) => beams.length > 0);
}

/** Adds the token of the highest score. */
function extendGreedily(
  search: ImageSearch,
  logits: readonly Float32Array[],
  { settings }: SearchContext,
): void {
  const { ids, parent } = search.beams[0]!;
  const scores = logits[parent]!;
  applyTokenRules(scores, ids, settings);
  ids.push(bestCandidates([{ scores, sum: 0 }], 1)[0]!.token);
  if (isFinished(ids, settings)) {
    search.found = [{ ids, score: null }];
    search.beams = [];
    search.isDone = true;
  }
}

/**
 * One step of beam search over the 2·numBeams best continuations: the unfinished ones among them
 * are the next beams; a finished one counts only if it ranks among the first numBeams.
 */
function extendBeams(
  search: ImageSearch,
  logits: readonly Float32Array[],
  { settings, firstLength }: SearchContext,
): void {
  const { numBeams, lengthPenalty } = settings;
  const rows = search.beams.map(({ ids, sum, parent }) => {
    const scores = logits[parent]!;
    toLogProbabilities(scores);
    applyTokenRules(scores, ids, settings);
    return { scores, sum };
  });
  const divisor = (search.beams[0]!.ids.length + 1 - firstLength) ** lengthPenalty;
  const next: Beam[] = [];
  const found = [...search.found];
  for (const [rank, { score, row, token }] of bestCandidates(rows, 2 * numBeams).entries()) {
    const { ids, parent } = search.beams[row]!;
    const longer = [...ids, token];
    if (!isFinished(longer, settings)) next.push({ ids: longer, sum: score, parent });
    else if (rank < numBeams) found.push({ ids: longer, score: score / divisor });
  }
  search.found = found.toSorted((one, other) => other.score! - one.score!).slice(0, numBeams);
  search.beams = next.slice(0, numBeams);
  const isFull = search.found.length === numBeams;
  // What an unfinished beam can reach is guessed from its present length.
  const canImprove =
    !isFull ||
    (!settings.earlyStopping &&
      next.length > 0 &&
      next[0]!.sum / divisor > search.found.at(-1)!.score!);
  search.isDone = next.length === 0 || !canImprove;
}

function isFinished(ids: readonly number[], { endId, maxLength }: SearchSettings): boolean {
  return ids.at(-1) === endId || ids.length === maxLength;
}
