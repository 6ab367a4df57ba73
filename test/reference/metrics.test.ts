import { readFileSync } from "node:fs";
import { describe, expect, test } from "vitest";
import { type CaptionMetrics, scoreCaptions } from "../../worker/metrics/caption-scores.ts";
import { lexLines } from "../../worker/metrics/ptb-lexer.ts";
import { tokenizeCaptions, tokenizeReferences } from "../../worker/metrics/ptb-tokenizer.ts";
import { findRealCaptions, fixturePath } from "./fixtures.ts";

const TOLERANCE = 1e-9;

/** The sentence, what the Stanford tool prints for it, and that without punctuation. */
type Row = [sentence: string, printed: string, kept: string];

interface PtbFixture {
  rows: Row[];
  depends_on_next_line: { sentence: string; before_lower: string; before_upper: string }[];
  as_last_line_without_line_end: { sentence: string; as_last_line: string }[];
  line_breakers: { input: string; output_lines: string[] }[];
}

interface ScoredCorpus {
  corpus: Record<"CIDEr-D" | "ROUGE_L" | "BLEU_1" | "BLEU_2" | "BLEU_3" | "BLEU_4", number>;
  images: {
    candidate: string;
    references: string[];
    candidate_tokens: string;
    reference_tokens: string[];
    "CIDEr-D": number;
    ROUGE_L: number;
    BLEU: [number, number, number, number];
  }[];
}

function read(file: string): string {
  return readFileSync(file, "utf8");
}

const ptb: PtbFixture = JSON.parse(read(fixturePath("metrics/ptb.json")));
const ptbReal: Pick<PtbFixture, "rows"> = JSON.parse(read(fixturePath("metrics/ptb-real.json")));
const synthetic: ScoredCorpus = JSON.parse(read(fixturePath("metrics/synthetic.json")));
const small: Record<string, ScoredCorpus> = JSON.parse(read(fixturePath("metrics/small.json")));

describe.each([
  ["ptb.json", ptb.rows],
  ["ptb-real.json", ptbReal.rows],
])("the sentences of %s", (_, rows) => {
  const sentences = rows.map(([sentence]) => sentence);

  test("give the tokens the Stanford tool prints", () => {
    const printed = lexLines(sentences.map((sentence) => sentence.replaceAll("\n", " ")));
    expect(printed.map((tokens) => tokens.join(" "))).toEqual(rows.map((row) => row[1]));
  });

  test("give what is left without punctuation", () => {
    expect(tokenizeCaptions(sentences)).toEqual(rows.map((row) => row[2]));
  });
});

function first(...lines: string[]): string {
  return lexLines(lines)[0]!.join(" ");
}

describe("a file of captions", () => {
  test.each(ptb.depends_on_next_line)(
    "ends $sentence by what the next line begins with",
    ({ sentence, before_lower, before_upper }) => {
      expect(first(sentence, "dog")).toBe(before_lower);
      expect(first(sentence, "Dog")).toBe(before_upper);
    },
  );

  test("may end its last line in another way", () => {
    const cases = ptb.as_last_line_without_line_end;
    expect(cases.map(({ sentence }) => first(sentence))).toEqual(
      cases.map((one) => one.as_last_line),
    );
  });

  test("keeps a caption with other line ends in it together", () => {
    for (const { input, output_lines } of ptb.line_breakers) {
      expect(first(input.replaceAll("\n", " "), "dog")).toBe(output_lines.join(" "));
    }
  });
});

function checkCorpus({ corpus, images }: ScoredCorpus): void {
  const references = images.map((image) => image.references);
  const predictions = images.map((image) => image.candidate);
  expect(tokenizeCaptions(predictions)).toEqual(images.map((image) => image.candidate_tokens));
  expect(tokenizeReferences(references)).toEqual(images.map((image) => image.reference_tokens));

  const scores = scoreCaptions({ references, predictions });
  expect(scores.images).toBe(images.length);
  const bleu = [corpus.BLEU_1, corpus.BLEU_2, corpus.BLEU_3, corpus.BLEU_4];
  checkMetrics(scores.metrics, [corpus["CIDEr-D"], corpus.ROUGE_L, ...bleu]);
  for (const [index, image] of images.entries()) {
    checkMetrics(scores.perImage[index]!, [image["CIDEr-D"], image.ROUGE_L, ...image.BLEU]);
  }
}

function checkMetrics(actual: CaptionMetrics, expected: number[]): void {
  const { cider, rouge_l, bleu1, bleu2, bleu3, bleu4 } = actual;
  for (const [index, value] of [cider, rouge_l, bleu1, bleu2, bleu3, bleu4].entries()) {
    expect(Math.abs(value - expected[index]!)).toBeLessThanOrEqual(TOLERANCE);
  }
}

describe("tokens and scores equal the reference's", () => {
  test("on synthetic captions", () => {
    checkCorpus(synthetic);
  });

  test.each(Object.entries(small))("on %s", (_, corpus) => {
    checkCorpus(corpus);
  });

  const realCaptions = findRealCaptions();
  // The captions may be used here, and not be passed on with the repository.
  test.skipIf(realCaptions === null)("on captions people wrote", () => {
    const corpus: ScoredCorpus = JSON.parse(read(realCaptions!));
    checkCorpus(corpus);
  });
});
