import {
  acronym,
  beforeNumbers,
  fileExtensions,
  longAcronym,
  neverFinal,
  oftenFinal,
  sentenceOpeners,
} from "./ptb-abbreviations.ts";
import {
  blanks,
  capitals,
  closingSingleQuotes,
  currencies,
  digits,
  hyphens,
  letters,
  lineEnds,
  loneSigns,
  shapedQuotes,
  singleQuotes,
  wordMarks,
} from "./ptb-characters.ts";
import {
  closingQuotes,
  openingQuotes,
  spelledFraction,
  treebankCurrency,
  treebankDash,
  withNamedBrackets,
  withoutBlanks,
  withoutSoftHyphens,
  withPlainAmpersands,
} from "./ptb-normalisation.ts";

/** What to do where `token`, followed by `context`, is the longest match. */
export interface PtbRule {
  /** The pattern of the token. */
  token: string;
  /** The pattern of what must follow it; counts for the length of the match. */
  context?: string;
  /** The token as written out; null deletes it. Left out: as it stands. */
  write?: ((text: string) => string) | null;
  /** How many of its last characters are left over for the next token. */
  giveBack?: number;
  /** Whether the characters given back are part of this token too. */
  twice?: true;
}

// Classes of one character.
const blank = `[${blanks}]`;
const blankOrLineEnd = `[${blanks}${lineEnds}]`;
const digit = `[${digits}]`;
const letter = `[${letters}]`;
const letterOrDigit = `[${letters}${digits}]`;
const hyphen = `[${hyphens}]`;
const inSentence = String.raw`[,;:\u3001]`;

// Parts of words.
const apostrophe = `([${closingSingleQuotes}]|&apos;)`;
const anyApostrophe = `([${singleQuotes}]|&apos;)`;
const ampersand = "&amp;";
const accented = "&[aeiouAEIOU](acute|grave|uml);";
const wordLetter = `([${letters}${wordMarks}]|${accented})`;
const wordPart = `${wordLetter}([${letters}${wordMarks}${digits}]|${accented})*`;
const word = `${wordPart}([.!?]${wordPart})*`;
const clitic = `${apostrophe}([msdMSD]|re|ve|ll)`;
const negation = `n${anyApostrophe}t`;
const beforeNegation = String.raw`[A-Za-z\u00AD]*[A-MO-Za-mo-z]\u00AD*`;

const tagName = String.raw`[A-Za-z][A-Za-z0-9_:.\-]*`;
const quotedValue = String.raw`('[^'\n]*'|"[^"\n]*")`;
const attribute = `${tagName}( *= *${quotedValue})?`;
const tag = String.raw`<([!?][A-Za-z\-][^>\r\n]*|${tagName}( +${attribute})* */?|/${tagName}) *>`;

const apostropheWords = [
  `${apostrophe}n${apostrophe}?`,
  `[lLdDjJ]${apostrophe}`,
  `(Dunkin|somethin|ol)${apostrophe}`,
  `${apostrophe}(em|till?|cause|[2-9]0s)`,
  `[A-HJ-XZn]${anyApostrophe}${letter}{2}${letter}*`,
  `${letter}+[aeiouyAEIOUY]${anyApostrophe}[aeiouA-Z]${letter}*`,
  String.raw`cont'd\.?`,
  "nor'easter|c'mon|e'er|s'mores|ev'ry|li'l|nat'l",
  `O${anyApostrophe}o`,
].join("|");

// Addresses. The end of an address is never a punctuation mark.
const inUrl = String.raw`[^ \t\n\f\r"<>|(){}]`;
const inPath = String.raw`[^ \t\n\f\r"<>|()]`;
const endOfUrl = String.raw`[^ \t\n\f\r"<>|.!?(){},\-]`;
const url = `https?://${inUrl}+${endOfUrl}`;
const inHost = String.raw`[^ \t\n\f\r"<>|.!?(){},]`;
// Small letters and some signs only: from the comma to the low line all are left out.
const inPlainHost = String.raw`[^ \t\n\f\r"\u0060'|!(){},-_$]`;
const host = String.raw`www\.(${inHost}+\.)+[a-zA-Z]{2,4}|(${inPlainHost}+\.)+(com|net|org|edu)`;
const schemelessUrl = `(${host})(/${inPath}+${endOfUrl})?`;
const inMailbox = String.raw`[^ \t\n\f\r"<>|()\u00A0{}]`;
const inDomain = String.raw`[^ \t\n\f\r"<>|(){}.\u00A0]`;
const email = String.raw`(&lt;|<)?[a-zA-Z0-9]${inMailbox}*@(${inDomain}+\.)*${inDomain}+(&gt;|>)?`;

// Numbers.
const plainNumber = String.raw`(${digit}+|${digit}*([.:,\u00AD\u066B\u066C]${digit}+)+)`;
const raised = String.raw`[\u2070\u00B9\u00B2\u00B3\u2074-\u2079]+`;
const raisedOrLowered = String.raw`[\u207A\u207B\u208A\u208B]?(${raised}|[\u2080-\u2089]+)`;
const slash = String.raw`\\?/`;
const fraction = String.raw`(${digit}{1,4}[\- \u00A0])?${digit}{1,4}(${slash}|\u2044)${digit}{1,4}`;
const gap = String.raw`[\- \u00A0]`;
const areaCode = String.raw`(\([0-9]{2,3}\)[ \u00A0]?|(\+\+?)?([0-9]{2,4}${gap})?[0-9]{2,4}${gap})`;
const phone = [
  `${areaCode}[0-9]{3,4}${gap}?[0-9]{3,5}`,
  String.raw`((\+\+?)?[0-9]{2,4}\.)?[0-9]{2,4}\.[0-9]{3,4}\.[0-9]{3,5}`,
].join("|");

// Compounds.
const treebankWords = [
  "-(RRB|LRB|RCB|LCB|RSB|LSB)-|pro-|anti-",
  String.raw`C\.D\.s|S(&|${ampersand})(P-500|Ls)`,
  `Cap${apostrophe}n|c${apostrophe}est`,
].join("|");
const slashPart = "[A-Za-z0-9]+(-[A-Za-z]+){0,2}";
const slashCompound = `${slashPart}(${slash}${slashPart}){1,2}`;
const dottedPart = String.raw`[A-Za-z0-9][A-Za-z0-9.,\u00AD]*`;
const dottedCompound = String.raw`${dottedPart}(-([A-Za-z0-9\u00AD]+|${longAcronym}\.))+`;
const compoundPart = `([dDoOlL]${anyApostrophe}${letterOrDigit})?${letterOrDigit}+`;
const compound = `${compoundPart}(${hyphen}${compoundPart})*`;
const joinedCapitals = `[A-Z]+(([+&]|${ampersand})[A-Z]+)+`;
const fileNamePart = `(${wordLetter}|${digit})+`;
const fileName = String.raw`${fileNamePart}(\.${fileNamePart})*\.${fileExtensions}`;

// Signs.
const sentenceEnd = `${blankOrLineEnd}(${blankOrLineEnd}|[${capitals}]|${tag})`;
const ellipsis = String.raw`\.{3,5}|(\.[ \u00A0]){2,4}\.|[\u0085\u2026]`;
const straightDoubleQuote = '("|&quot;)';
const otherQuotes = `${apostrophe}|''|[${shapedQuotes}]{1,2}`;
const smiley = String.raw`[<>]?[:;=][\-o\*']?[\(\)DPdpO\\\{@\|\[\]]`;
const eastAsianSmiley = [
  String.raw`[\-\^x=~<>']_[\-\^x=~<>']`,
  String.raw`\([\-\^x=~<>'][_.]?[\-\^x=~<>']\)`,
  String.raw`\([\^x=~<>']-[\^x=~<>'\u0060]\)`,
].join("|");

const wordRules: PtbRule[] = [
  { token: String.raw`c\+\+` },
  { token: "(c|f)#" },
  { token: "cannot", giveBack: 3 },
  { token: "'twas", giveBack: 3 },
  { token: "'tis", giveBack: 2 },
  { token: "gonna|gotta|lemme|gimme|wanna", giveBack: 2 },
  { token: tag, write: withoutBlanks },
  { token: String.raw`&(MD|mdash|ndash);|[\u0096\u0097\u2013-\u2015]`, write: () => "--" },
  { token: ampersand, write: withPlainAmpersands },
  { token: "&(HT|TL|UR|LR|QC|QL|QR|odq|cdq|#[0-9]+);" },
  { token: word, context: clitic, write: withoutSoftHyphens },
  { token: beforeNegation, context: negation, write: withoutSoftHyphens },
  { token: word, write: withoutSoftHyphens },
  { token: apostropheWords },
  { token: `y${apostrophe}`, context: letter },
];

const addressRules: PtbRule[] = [
  { token: url },
  { token: schemelessUrl },
  { token: email },
  { token: `@[a-zA-Z_][a-zA-Z_0-9]*|#${wordLetter}+` },
];

const numberRules: PtbRule[] = [
  { token: clitic, context: "[^A-Za-z]", write: closingQuotes },
  { token: negation, context: "[^A-Za-z]", write: closingQuotes },
  { token: String.raw`${digit}{1,2}[\-/]${digit}{1,2}[\-/]${digit}{2,4}` },
  { token: String.raw`[\-+]?${plainNumber}`, write: withoutSoftHyphens },
  { token: raisedOrLowered },
  { token: fraction, write: withoutBlanks },
  { token: String.raw`[\u00BC-\u00BE\u2153-\u215E]`, write: spelledFraction },
  { token: treebankWords, write: withPlainAmpersands },
  { token: slashCompound },
  { token: String.raw`[A-Z]*\$|#` },
  { token: `[${currencies}]`, write: treebankCurrency },
];

const opener = `${blankOrLineEnd}+(${sentenceOpeners}|${tag})${blankOrLineEnd}`;

const abbreviationRules: PtbRule[] = [
  { token: String.raw`[A-Za-z]\.`, context: opener, giveBack: 1 },
  { token: String.raw`${acronym}\.`, context: opener, giveBack: 1, twice: true },
  { token: String.raw`${beforeNumbers}\.`, context: `${blankOrLineEnd}?${digit}` },
  { token: String.raw`(pt[eyEY]|co)\.`, context: `${blank}(ltd|lim)` },
  { token: String.raw`${oftenFinal}\.`, context: sentenceEnd, giveBack: 1, twice: true },
  { token: String.raw`${oftenFinal}\.`, context: "[^][^]" },
  { token: String.raw`${oftenFinal}\.`, giveBack: 1, twice: true },
  { token: String.raw`${neverFinal}\.` },
  { token: neverFinal, context: blank },
  { token: acronym, context: blankOrLineEnd },
  { token: `${apostrophe}[0-9][0-9]`, context: blankOrLineEnd },
  { token: fileName, context: `(${blankOrLineEnd}|[.?!,])` },
  { token: String.raw`(${word})\.`, context: inSentence, write: withoutSoftHyphens },
  { token: phone, write: (text) => withNamedBrackets(withoutBlanks(text)) },
];

const signRules: PtbRule[] = [
  { token: straightDoubleQuote, context: "[A-Za-z0-9$]", write: openingQuotes },
  { token: straightDoubleQuote, write: closingQuotes },
  { token: "<|&lt;", write: () => "<" },
  { token: ">|&gt;", write: () => ">" },
  { token: smiley, context: "[^A-Za-z0-9]", write: withNamedBrackets },
  { token: eastAsianSmiley, write: withNamedBrackets },
  { token: String.raw`\{`, write: () => "-LCB-" },
  { token: String.raw`\}`, write: () => "-RCB-" },
  { token: String.raw`\[`, write: () => "-LSB-" },
  { token: String.raw`\]`, write: () => "-RSB-" },
  { token: String.raw`\(|\)`, write: withNamedBrackets },
  { token: "-+", write: treebankDash },
  { token: ellipsis, write: () => "..." },
  { token: String.raw`@+|#+|_+|\*+|(\\\*){1,3}` },
  { token: inSentence },
  { token: String.raw`[?!]+` },
  { token: String.raw`(${dottedCompound})\.`, context: inSentence, write: withoutSoftHyphens },
  { token: dottedCompound, write: withoutSoftHyphens },
  { token: String.raw`(${compound})\.`, context: inSentence },
  { token: compound },
  { token: String.raw`(${joinedCapitals})\.`, context: inSentence, write: withPlainAmpersands },
  { token: joinedCapitals, write: withPlainAmpersands },
  { token: "'", context: String.raw`[A-Za-z][^ \t\n\r\u00A0]`, write: openingQuotes },
  // At the very end of a text nothing can follow.
  { token: clitic, write: closingQuotes },
  { token: negation, write: closingQuotes },
  { token: otherQuotes, write: closingQuotes },
  { token: "<<|>>" },
  { token: `[${loneSigns}]` },
  { token: `${blank}+|&nbsp;`, write: null },
  // Line ends within a caption, and what no rule knows.
  { token: "[^]", write: null },
];

/**
 * The rules of the Stanford tokenizer (CoreNLP 3.4.1, its default Penn Treebank style), written for
 * equal behaviour. Of the rules that match the same number of characters the first one holds.
 */
export const ptbRules: readonly PtbRule[] = [
  ...wordRules,
  ...addressRules,
  ...numberRules,
  ...abbreviationRules,
  ...signRules,
];
