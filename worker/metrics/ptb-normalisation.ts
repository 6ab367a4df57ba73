/** How the Penn Treebank writes tokens. Each function maps a token's text to its written form. */

/** Soft hyphens mark where a word may be broken; a token of nothing else becomes a hyphen. */
export function withoutSoftHyphens(text: string): string {
  return text.replaceAll("\u00AD", "") || "-";
}

/** Blanks become no-break spaces, for tokens are told apart by blanks. */
export function withoutBlanks(text: string): string {
  return text.replaceAll(" ", "\u00A0");
}

/** Round brackets become their Treebank names. */
export function withNamedBrackets(text: string): string {
  return text.replaceAll("(", "-LRB-").replaceAll(")", "-RRB-");
}

/** The character entity of the ampersand becomes the character. */
export function withPlainAmpersands(text: string): string {
  return text.replaceAll(/&amp;/gi, "&");
}

const SPELLED_FRACTIONS: Record<string, string> = {
  "¼": "1/4",
  "½": "1/2",
  "¾": "3/4",
  "⅓": "1/3",
  "⅔": "2/3",
};

/** Halves, quarters and thirds are spelled with a slash; other signs stay. */
export function spelledFraction(text: string): string {
  return SPELLED_FRACTIONS[text] ?? text;
}

const CURRENCY_NAMES: Record<string, string> = {
  "¢": "cents",
  "£": "#",
  "\u0080": "$",
  "¤": "$",
  "\u20A0": "$",
  "€": "$",
};

/** The Treebank's stand-ins for cent, pound and euro; other signs stay. */
export function treebankCurrency(text: string): string {
  return CURRENCY_NAMES[text] ?? text;
}

/** Three or four hyphens are a dash. */
export function treebankDash(text: string): string {
  return text.length === 3 || text.length === 4 ? "--" : text;
}

/** Quotation marks in the manner of TeX; straight ones are taken to open a quotation. */
export function openingQuotes(text: string): string {
  return shapedQuotes(text.replaceAll(/&apos;|'/g, "`").replaceAll(/&quot;|"/g, "``"));
}

/** Quotation marks in the manner of TeX; straight ones are taken to close a quotation. */
export function closingQuotes(text: string): string {
  return shapedQuotes(text.replaceAll("&apos;", "'").replaceAll(/&quot;|"/g, "''"));
}

function shapedQuotes(text: string): string {
  return text
    .replaceAll(/[\u0091\u2018\u201B\u2039]/g, "`")
    .replaceAll(/[\u0092\u2019\u203A]/g, "'")
    .replaceAll(/[\u0093\u201C\u00AB]/g, "``")
    .replaceAll(/[\u0094\u201D\u00BB]/g, "''");
}
