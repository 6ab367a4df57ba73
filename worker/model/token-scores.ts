/** Rules on the next token, each as in Hugging Face's `generate()`. */
export interface TokenRules {
  /** Divides positive and multiplies negative scores of tokens that occur already; 1 is off. */
  repetitionPenalty: number;
  /** No sequence of this many tokens occurs twice; 0 is off. */
  noRepeatNgramSize: number;
  /** The end token is barred below this length, first tokens included; 0 is off. */
  minLength: number;
}

/**
 * Applies the rules, in this order, to the scores of the next token after `ids`. Changes `scores`.
 * scores [V]
 */
export function applyTokenRules(
  scores: Float32Array,
  ids: readonly number[],
  { repetitionPenalty, noRepeatNgramSize, minLength, endId }: TokenRules & { endId: number },
): void {
  if (repetitionPenalty !== 1) {
    for (const id of new Set(ids)) {
      const score = scores[id]!;
      scores[id] = score < 0 ? score * repetitionPenalty : score / repetitionPenalty;
    }
  }
  if (noRepeatNgramSize > 0) {
    for (const id of endingsOfNgrams(ids, noRepeatNgramSize)) scores[id] = -Infinity;
  }
  if (ids.length < minLength) scores[endId] = -Infinity;
}

/** Tokens that would complete an n-gram which `ids` hold already. */
function endingsOfNgrams(ids: readonly number[], size: number): number[] {
  const current = ids.slice(ids.length - size + 1).join();
  const endings: number[] = [];
  for (let end = size - 1; end < ids.length; end += 1) {
    if (ids.slice(end - size + 1, end).join() === current) endings.push(ids[end]!);
  }
  return endings;
}

/**
 * log softmax, in double precision before the rounding to float32. Changes `scores`.
 * scores [V]
 */
export function toLogProbabilities(scores: Float32Array): void {
  // Plain loops: it sees the whole vocabulary for each beam and token.
  let highest = -Infinity;
  for (let token = 0; token < scores.length; token += 1) {
    if (scores[token]! > highest) highest = scores[token]!;
  }
  let sum = 0;
  for (let token = 0; token < scores.length; token += 1) sum += Math.exp(scores[token]! - highest);
  const normaliser = highest + Math.log(sum);
  for (let token = 0; token < scores.length; token += 1) scores[token]! -= normaliser;
}

/** The tokens after one beam, and what is added to each of their scores, in float32. */
export interface ScoredRow {
  scores: Float32Array;
  sum: number;
}

/** A token after row `row` of an image's beams. */
export interface Candidate {
  score: number;
  row: number;
  token: number;
}

/**
 * The `count` best candidates over all rows, best first; equal scores in order of row and token.
 */
export function bestCandidates(rows: readonly ScoredRow[], count: number): Candidate[] {
  const best: Candidate[] = [];
  for (const [row, { scores, sum }] of rows.entries()) {
    for (let token = 0; token < scores.length; token += 1) {
      const score = Math.fround(scores[token]! + sum);
      if (best.length === count && !(score > best[count - 1]!.score)) continue;
      let place = best.length;
      while (place > 0 && score > best[place - 1]!.score) place -= 1;
      best.splice(place, 0, { score, row, token });
      if (best.length > count) best.pop();
    }
  }
  return best;
}
