/** How much more recall counts than precision. */
const BETA = 1.2;

/**
 * ROUGE-L (Lin 2004) of a tokenised candidate as pycocoevalcap 1.2 computes it: the F-measure of
 * the best precision and the best recall over the references, each taken for itself. Words are
 * what stands between blanks (U+0020), so that two empty captions are equal.
 */
export function scoreRougeL(references: readonly string[], candidate: string): number {
  const words = candidate.split(" ");
  let precision = 0;
  let recall = 0;
  for (const reference of references) {
    const referenceWords = reference.split(" ");
    const common = longestCommonSubsequence(words, referenceWords);
    precision = Math.max(precision, common / words.length);
    recall = Math.max(recall, common / referenceWords.length);
  }
  if (precision === 0 || recall === 0) return 0;
  return ((1 + BETA ** 2) * precision * recall) / (recall + BETA ** 2 * precision);
}

function longestCommonSubsequence(a: readonly string[], b: readonly string[]): number {
  let above = new Int32Array(b.length + 1);
  for (const word of a) {
    const row = new Int32Array(b.length + 1);
    for (let index = 1; index <= b.length; index++) {
      row[index] =
        word === b[index - 1] ? above[index - 1]! + 1 : Math.max(above[index]!, row[index - 1]!);
    }
    above = row;
  }
  return above[b.length]!;
}
