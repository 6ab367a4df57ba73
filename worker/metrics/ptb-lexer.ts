import { Alphabet, LongestMatch } from "./longest-match.ts";
import { knownCharacter } from "./ptb-characters.ts";
import { type PtbRule, ptbRules } from "./ptb-rules.ts";

/** Longer tokens are cut, so that a text without blanks cannot take quadratic time. */
const MAX_TOKEN_LENGTH = 2048;

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
  const output: string[][] = [[]];
  let position = 0;
  while (position < text.length) {
    if (text.charCodeAt(position) === 0x0a) {
      output.push([]);
      position++;
      continue;
    }
    const limit = Math.min(text.length, position + MAX_TOKEN_LENGTH);
    const match = matcher.at(text, position, limit);
    if (match === null) throw new Error(`no rule for the character at ${position}`);
    const rule = ptbRules[match.pattern]!;
    const matchEnd = tokenEnd(text, position, match.end, splitters[match.pattern]!);
    const end = matchEnd - (rule.giveBack ?? 0);
    if (rule.write !== null) {
      const written = write(text.slice(position, rule.twice ? matchEnd : end), rule);
      output.at(-1)!.push(written);
    }
    position = end;
  }
  return output;
}

function write(text: string, { write: writeOut }: PtbRule): string {
  return (writeOut ? writeOut(text) : text).toLowerCase();
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
