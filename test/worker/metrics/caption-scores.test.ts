import { describe, expect, test } from "vitest";
import { scoreCaptions } from "../../../worker/metrics/caption-scores.ts";

test("captions equal to a reference but for case and punctuation score full marks", () => {
  const { metrics } = scoreCaptions({
    references: [["a dog on mats", "a pup"], ["two red cats run"]],
    predictions: ["A dog, on mats.", "Two red cats run!"],
  });
  expect(metrics.rouge_l).toBe(1);
  expect(metrics.bleu1).toBeCloseTo(1, 6);
  expect(metrics.bleu4).toBeCloseTo(1, 6);
});

test("ROUGE-L weighs recall 1.2 squared times as much as precision", () => {
  const { perImage } = scoreCaptions({ references: [["a b c d e"]], predictions: ["a x c"] });
  const [precision, recall] = [2 / 3, 2 / 5];
  const expected = ((1 + 1.44) * precision * recall) / (recall + 1.44 * precision);
  expect(perImage[0]!.rouge_l).toBeCloseTo(expected, 12);
});

test("BLEU takes the shorter of two references that are as near in length", () => {
  const { metrics } = scoreCaptions({ references: [["a b c d", "a b"]], predictions: ["a b c"] });
  expect(metrics.bleu1).toBeCloseTo(1, 6);
});

test("BLEU of a short caption is lowered by exp(1 - reference length / length)", () => {
  const { metrics } = scoreCaptions({ references: [["a b c d"]], predictions: ["a b"] });
  expect(metrics.bleu1).toBeCloseTo(Math.exp(1 - 4 / 2), 6);
});

describe("captions that nobody would write", () => {
  const zero = { cider: 0, bleu1: 0, bleu2: 0, bleu3: 0, bleu4: 0 };
  const odd: [string, string][] = [
    ["nothing", ""],
    ["emoji alone", "😀🐕‍🦺"],
    ["control characters", "\u0000\u0007\u001F"],
    ["half a character", "\uD800"],
  ];

  test.each(odd)("%s has no words to match with", (_, caption) => {
    const references = [["a dog", "a pup"], ["two cats"]];
    const { perImage } = scoreCaptions({ references, predictions: [caption, "two cats"] });
    for (const [name, value] of Object.entries(zero)) {
      expect(perImage[0]![name as keyof typeof zero]).toBeCloseTo(value, 6);
    }
    expect(perImage[0]!.rouge_l).toBe(0);
  });

  test("ten thousand words score as any other caption", () => {
    const long = "a dog runs ".repeat(3334);
    const { perImage } = scoreCaptions({ references: [[long], ["two"]], predictions: [long, "x"] });
    expect(perImage[0]!.cider).toBeCloseTo(10, 9);
    expect(perImage[0]!.rouge_l).toBe(1);
  });
});
