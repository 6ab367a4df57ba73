/** White space as Python knows it; JavaScript's `\s` differs by a few characters. */
const WHITE_SPACE = [
  String.raw`\t-\r\x1C-\x20\x85\xA0`,
  String.raw`\u1680\u2000-\u200A\u2028\u2029\u202F\u205F\u3000`,
].join("");

const GAP = new RegExp(`[${WHITE_SPACE}]+`);
const TRAILING_GAP = new RegExp(`[${WHITE_SPACE}]+$`);

/** The words between any white space, as Python's `str.split()` finds them. */
export function splitWords(text: string): string[] {
  return text.split(GAP).filter((word) => word !== "");
}

/** The text without white space at its end, as Python's `str.rstrip()` leaves it. */
export function withoutTrailingSpace(text: string): string {
  return text.replace(TRAILING_GAP, "");
}
