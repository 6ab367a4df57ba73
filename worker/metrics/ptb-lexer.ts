import { Alphabet, LongestMatch } from "./longest-match.ts";
import { knownCharacter } from "./ptb-characters.ts";
import { type PtbRule, ptbRules } from "./ptb-rules.ts";

/** Longer tokens are cut, so that a text without blanks cannot take quadratic time. */
const MAX_TOKEN_LENGTH = 2048;
const LINE_END = 0x0a;
const BLANK = 0x20;

/**
 * Whether a blank before this unit is deleted alone, as most are: such a unit is none of the blanks
 * that are deleted together.
 */
function isPlain(code: number): boolean {
  return code > BLANK && code < 0x7f;
}

interface Splitter {
  token: LongestMatch;
  context: LongestMatch;
}

const alphabet = new Alphabet(knownCharacter);
const matcher = new LongestMatch(
  alphabet,
  ptbRules.map(({ token, context }) => (context === undefined ? token : `(${token})(${context})`)),
);
const splitters = ptbRules.map(({ token, context }): Splitter | null =>
  context === undefined
    ? null
    : {
        token: new LongestMatch(alphabet, [token]),
        context: new LongestMatch(alphabet, [context]),
      },
);

/**
 * The tokens of each line as the Stanford tokenizer prints them, told `-preserveLines -lowerCase`,
 * for a file of these lines. It is lexed as a whole and its last line has no line end, so that a
 * token can depend on the line below. A line must not hold U+000A; other line ends count as blanks.
 */
export function lexLines(lines: readonly string[]): string[][] {
  const text = lines.join("\n");
  const writers = ptbRules.map(writer);
  let tokens: string[] = [];
  const output = [tokens];
  let position = 0;
  while (position < text.length) {
    const code = text.charCodeAt(position);
    if (code === LINE_END) {
      tokens = [];
      output.push(tokens);
    }
    if (code === LINE_END || (code === BLANK && isPlain(text.charCodeAt(position + 1)))) {
      position++;
      continue;
    }
    const limit = Math.min(text.length, position + MAX_TOKEN_LENGTH);
    const match = matcher.at(text, position, limit);
    if (match === null) throw new Error(`no rule for the character at ${position}`);
    const { giveBack = 0, twice } = ptbRules[match.pattern]!;
    const write = writers[match.pattern]!;
    const matchEnd = tokenEnd(text, position, match.end, splitters[match.pattern]!);
    const end = matchEnd - giveBack;
    if (write !== null) tokens.push(write(text.slice(position, twice ? matchEnd : end)));
    position = end;
  }
  return output;
}

/** How a rule writes its tokens out; equal ones are one string in memory. Null deletes them. */
function writer({ write }: PtbRule): ((text: string) => string) | null {
  if (write === null) return null;
  const known = new Map<string, string>();
  return (text) => {
    const before = known.get(text);
    if (before !== undefined) return before;
    const written = (write ? write(text) : text).toLowerCase();
    known.set(text, written);
    return written;
  };
}

/** Where the token ends whose rule matched, with its context, up to `end`. */
function tokenEnd(text: string, start: number, end: number, splitter: Splitter | null): number {
  if (splitter === null) return end;
  for (let split = end - 1; split > start; split--) {
    const contextFits = splitter.context.at(text, split, end)?.end === end;
    if (contextFits && splitter.token.at(text, start, split)?.end === split) return split;
  }
  throw new Error(`no context for the token at ${start}`);
}
