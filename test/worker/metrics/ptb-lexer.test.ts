import * as fc from "fast-check";
import { describe, expect, test } from "vitest";
import { lexLines } from "../../../worker/metrics/ptb-lexer.ts";

type Case = [input: string, printed: string, nextLine?: string];

/** What CoreNLP 3.4.1 printed for each input; most inputs occur in the reference fixtures. */
const PRINTED: Record<string, Case[]> = {
  "keeps names with signs": [
    ["Is this C# or C++?", "is this c# or c++ ?"],
    ["S&amp;P-500 and C.D.s", "s&p-500 and c.d.s"],
    ["b-2.b.; co-op.; A&B.; R&B", "b-2 . b. ; co-op. ; a&b. ; r&b"],
  ],
  "splits words that have grown together": [
    ["cannot", "can not"],
    ["'twas", "'t was"],
    ["'tis", "'t is"],
    ["gonna", "gon na"],
  ],
  "splits clitics and negations": [
    ["I'm", "i 'm"],
    ["CAN'T", "ca n't"],
    ["don’t", "do n't"],
    ["y'all", "y' all"],
  ],
  "keeps words with apostrophes": [
    ["'em", "'em"],
    ["'90s.", "'90s ."],
    ["the '99 model", "the '99 model"],
    ["O'Brien", "o'brien"],
    ["rock 'n' roll", "rock 'n' roll"],
    ["cont'd.", "cont'd."],
  ],
  "keeps a tag as one token": [
    ['<a href="x y">link</a>', '<a\u00A0href="x\u00A0y"> link </a>'],
    ["<b>", "<b>"],
    ["a <- b >> c", "a < - b >> c"],
  ],
  "reads character entities": [
    ["&amp; &lt; &gt; &nbsp; &#39; caf&eacute;", "& < > &#39; caf&eacute;"],
  ],
  "keeps addresses": [
    ["https://example.com.", "https://example.com ."],
    ["example.com/path/", "example.com/path/"],
    ["(a@b.com)", "-lrb- a@b.com -rrb-"],
    ["@user #tag #1", "@user #tag # 1"],
    ["file.jpg", "file.jpg"],
    ["dogs \u2009www.foo.com", "dogs www.foo.com"],
  ],
  "keeps numbers, dates and telephone numbers": [
    ["12/25/2014", "12/25/2014"],
    ["$-5 1,000 3.14", "$ -5 1,000 3.14"],
    ["H₂O m²", "h ₂ o m ²"],
    ["3 1/2 cups", "3\u00A01/2 cups"],
    ["½ ⅓ ⅞", "1/2 1/3 ⅞"],
    ["(555) 123-4567", "-lrb-555-rrb-\u00A0123-4567"],
    ["555.123.4567", "555.123.4567"],
  ],
  "stands in for currencies": [["£5 €5 5¢ ¥5", "# 5 $ 5 5 cents ¥ 5"]],
  "keeps compounds": [
    ["km/h w/o", "km/h w/o"],
    ["black-and-white 20-year-old", "black-and-white 20-year-old"],
  ],
  "keeps the full stop of an abbreviation": [
    ["Mr. X met Sgt. Y", "mr. x met sgt. y"],
    ["e.g. a p.m. time", "e.g. a p.m. time"],
    ["No. 5", "no. 5"],
    ["no. of", "no . of"],
    ["see fig. 3", "see fig. 3"],
    ["in the U.S.; yes", "in the u.s. ; yes"],
    ["Tex. is tex. Is", "tex. is tex . is"],
  ],
  "adds a full stop where an abbreviation ends a sentence": [
    ["Acme Inc. makes", "acme inc. makes"],
    ["Acme Inc. The", "acme inc. . the"],
    ["Acme Inc.", "acme inc. .", "Tex."],
    ["Pty. Ltd.", "pty. ltd. .", "Acme"],
    ["made in the U.S. The can", "made in the u.s. . the can"],
    ["plan Z. The can", "plan z . the can"],
  ],
  "turns quotation marks by what follows": [
    ['say "a dog!"', "say `` a dog ! ''"],
    ["“hi” ‘a’ «b» „c", "`` hi '' ` a ' `` b '' „ c"],
    ["'hello", "` hello"],
  ],
  "keeps smileys": [[":) >:( ^_^ (-_-)", ":-rrb- >:-lrb- ^_^ -lrb--_--rrb-"]],
  "names brackets": [["{a} [b] (c)", "-lcb- a -rcb- -lsb- b -rsb- -lrb- c -rrb-"]],
  "evens out dashes and ellipses": [
    ["a — b – c", "a -- b -- c"],
    ["a - b -- c --- d ----- e", "a - b -- c -- d ----- e"],
    ["wait… no. . . yes ..... end..", "wait ... no ... yes ... end . ."],
  ],
  "keeps runs of one sign together": [
    [String.raw`* ** \* \ `, String.raw`* ** \* \ `.trim()],
    ["what?! @@ ## __", "what ?! @@ ## __"],
  ],
  "knows letters of other scripts and drops unknown characters": [
    ["soft\u00ADhyphen \u00AD", "softhyphen -"],
    ["naïve ſ К 日本", "naïve ſ к 日本"],
    ["a→b ™ ‽ 😀!", "a → b ™ !"],
  ],
};

describe.each(Object.entries(PRINTED))("the lexer %s", (_, cases) => {
  test.each(cases)("in %j", (input, printed, nextLine = "a") => {
    expect(lexLines([input, nextLine])[0]!.join(" ")).toBe(printed);
  });
});

describe("the lexer", () => {
  const character = fc.oneof(
    fc.constantFrom(...Array.from(`aAnt1.'"-<>&;/@#()= \t\r\u00A0\u2028\u0085`)),
    fc.string({ unit: "binary", minLength: 1, maxLength: 1 }),
  );
  const line = fc
    .string({ unit: character, maxLength: 40 })
    .map((text) => text.replaceAll("\n", ""));

  test("gives tokens for each line, whatever its characters", () => {
    fc.assert(
      fc.property(fc.array(line, { minLength: 1, maxLength: 5 }), (lines) => {
        const output = lexLines(lines);
        expect(output).toHaveLength(lines.length);
        for (const token of output.flat()) expect(token).toMatch(/^[^ \n]+$/);
      }),
    );
  });

  test("gives a line the same tokens whatever stands two lines below", () => {
    fc.assert(
      fc.property(line, line, (above, below) => {
        const lines = [above, "dog", "dog"];
        expect(lexLines([...lines, below]).slice(0, 2)).toEqual(lexLines(lines).slice(0, 2));
      }),
    );
  });

  test("takes a caption of 10,000 words, and one of 100,000 characters without a blank", () => {
    expect(lexLines(["dog ".repeat(10_000)])[0]).toHaveLength(10_000);
    expect(lexLines(["a,".repeat(50_000)])[0]).toHaveLength(100_000);
  });
});
