import { lexLines } from "./ptb-lexer.ts";
import { withoutTrailingSpace } from "./words.ts";

/** Tokens the caption metrics leave out. Brackets are listed in upper case and so never dropped. */
const PUNCTUATION = new Set("'' ' `` ` -LRB- -RRB- -LCB- -RCB- . ? ! , : - -- ... ;".split(" "));

/**
 * The tokens of captions as the COCO caption metrics take them (pycocoevalcap 1.2): all captions as
 * one file through the Stanford tokenizer 3.4.1, punctuation dropped. As there, an abbreviation at
 * the end of a caption can depend on the caption after it. Unlike there, a line end within a
 * caption counts as a blank and shifts no later caption.
 */
export function captionTokens(captions: readonly string[]): string[][] {
  if (captions.length === 0) return [];
  return lexLines(captions.map((caption) => caption.replaceAll("\n", " "))).map(keptTokens);
}

/** Tokenises captions in one run; tokens are joined by single blanks. */
export function tokenizeCaptions(captions: readonly string[]): string[] {
  return captionTokens(captions).map((tokens) => tokens.join(" "));
}

function keptTokens(tokens: string[]): string[] {
  // An address may end in a blank that is not U+0020; the metrics strip each line.
  const last = tokens.pop();
  if (last !== undefined) tokens.push(withoutTrailingSpace(last));
  return tokens.filter((token) => !PUNCTUATION.has(token));
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
