import { lexLines } from "./ptb-lexer.ts";
import { withoutTrailingSpace } from "./words.ts";

/** Tokens the caption metrics leave out. Brackets are listed in upper case and so never dropped. */
const PUNCTUATION = new Set("'' ' `` ` -LRB- -RRB- -LCB- -RCB- . ? ! , : - -- ... ;".split(" "));

/**
 * Tokenises captions as the COCO caption metrics do (pycocoevalcap 1.2): all of them as one file
 * through the Stanford tokenizer 3.4.1, punctuation dropped, joined by single blanks. As there, an
 * abbreviation at the end of a caption can depend on the caption after it. Unlike there, a line
 * end within a caption counts as a blank and shifts no later caption.
 */
export function tokenizeCaptions(captions: readonly string[]): string[] {
  if (captions.length === 0) return [];
  return lexLines(captions.map((caption) => caption.replaceAll("\n", " "))).map(keptTokens);
}

function keptTokens(tokens: readonly string[]): string {
  // An address may end in a blank that is not U+0020; the metrics strip each line.
  const last = withoutTrailingSpace(tokens.at(-1) ?? "");
  return [...tokens.slice(0, -1), last].filter((token) => !PUNCTUATION.has(token)).join(" ");
}

/** Tokenises the references of all images, by image, in one run. */
export function tokenizeReferences(references: readonly (readonly string[])[]): string[][] {
  const tokenised = tokenizeCaptions(references.flat());
  let taken = 0;
  return references.map((captions) => {
    taken += captions.length;
    return tokenised.slice(taken - captions.length, taken);
  });
}
