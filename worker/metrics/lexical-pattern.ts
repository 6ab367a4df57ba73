/** A regular expression as a tree. `set` is the source of a character class, such as `[a-z]`. */
export type Pattern =
  | { kind: "set"; set: string }
  | { kind: "sequence"; parts: Pattern[] }
  | { kind: "choice"; options: Pattern[] }
  | { kind: "repeat"; part: Pattern; min: number; max: number };

const LEXEME = /\[(?:\\.|[^\]\\])*\]|\\(?:u[0-9A-Fa-f]{4}|.)|\{\d+(?:,\d+)?\}|[\s\S]/gu;

/** Letters outside ASCII that equal an ASCII letter when case is ignored. */
const FOREIGN_CASES: Record<string, string> = { i: "ıİ", k: "\u212A", s: "ſ" };

/**
 * Reads a pattern in the notation of regular expressions: literals, `[classes]` (JavaScript's, with
 * `\p{…}`), `( )`, `|`, `*`, `+`, `?` and `{m,n}`. As in JFlex's caseless mode a literal letter
 * stands for both cases and a class for exactly its members. Throws on a malformed pattern.
 */
export function parsePattern(source: string): Pattern {
  const lexemes = source.match(LEXEME) ?? [];
  let position = 0;

  function choice(): Pattern {
    const options = [sequence()];
    while (lexemes[position] === "|") {
      position++;
      options.push(sequence());
    }
    return options.length === 1 ? options[0]! : { kind: "choice", options };
  }

  function sequence(): Pattern {
    const parts: Pattern[] = [];
    while (position < lexemes.length && lexemes[position] !== "|" && lexemes[position] !== ")") {
      parts.push(repetition());
    }
    return { kind: "sequence", parts };
  }

  function repetition(): Pattern {
    let part = atom();
    for (;;) {
      const range = repeatRange(lexemes[position]);
      if (range === null) return part;
      position++;
      part = { kind: "repeat", part, ...range };
    }
  }

  function atom(): Pattern {
    const lexeme = lexemes[position++]!;
    if (lexeme === "(") {
      const inner = choice();
      if (lexemes[position++] !== ")") throw new Error(`unclosed group in ${source}`);
      return inner;
    }
    if (lexeme === "." || repeatRange(lexeme) !== null) {
      throw new Error(`unexpected ${lexeme} in ${source}`);
    }
    return { kind: "set", set: lexeme.startsWith("[") ? lexeme : literalSet(lexeme) };
  }

  const pattern = choice();
  if (position < lexemes.length) throw new Error(`unexpected ) in ${source}`);
  return pattern;
}

function repeatRange(lexeme: string | undefined): { min: number; max: number } | null {
  if (lexeme === "*") return { min: 0, max: Infinity };
  if (lexeme === "+") return { min: 1, max: Infinity };
  if (lexeme === "?") return { min: 0, max: 1 };
  const bounds = /^\{(\d+)(?:,(\d+))?\}$/.exec(lexeme ?? "");
  return bounds ? { min: Number(bounds[1]), max: Number(bounds[2] ?? bounds[1]) } : null;
}

function literalSet(literal: string): string {
  if (!/^[A-Za-z]$/.test(literal)) return `[${literal}]`;
  const lower = literal.toLowerCase();
  return `[${lower}${literal.toUpperCase()}${FOREIGN_CASES[lower] ?? ""}]`;
}
