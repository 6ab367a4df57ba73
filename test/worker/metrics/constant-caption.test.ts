import * as fc from "fast-check";
import { describe, expect, test } from "vitest";
import { CiderD } from "../../../worker/metrics/cider-d.ts";
import { bestConstantCaption } from "../../../worker/metrics/constant-caption.ts";
import { tokenizeCaptions, tokenizeReferences } from "../../../worker/metrics/ptb-tokenizer.ts";

const words = fc.constantFrom("a", "dog", "cat", "on", "the", "red", "mat", "it's", ".");
const caption = fc.array(words, { maxLength: 9 }).map((list) => list.join(" "));

function scoreOneByOne(candidates: string[], references: string[][]): number[] {
  const scorer = new CiderD(tokenizeReferences(references));
  return tokenizeCaptions(candidates).map(
    (candidate) => scorer.score(references.map(() => candidate)).mean,
  );
}

describe("the best constant caption", () => {
  test("has the highest mean CIDEr-D, the first where two are equal", () => {
    const candidates = fc.array(caption, { minLength: 1, maxLength: 8 });
    const references = fc.array(fc.array(caption, { minLength: 1, maxLength: 3 }), {
      minLength: 1,
      maxLength: 5,
    });
    fc.assert(
      fc.property(candidates, references, (captions, byImage) => {
        const scores = scoreOneByOne(captions, byImage);
        const highest = Math.max(...scores);
        const best = bestConstantCaption({ candidates: captions, references: byImage });
        expect(best.cider).toBeCloseTo(highest, 9);
        expect(scores[captions.indexOf(best.caption)]).toBeCloseTo(highest, 9);
      }),
    );
  });

  test("is given as it was written, and of captions with equal tokens the first", () => {
    const references = [["a red dog"], ["two cats"]];
    const candidates = ["a mat", "A red dog!", "a red dog"];
    expect(bestConstantCaption({ candidates, references }).caption).toBe("A red dog!");
  });

  test("cannot be chosen from nothing", () => {
    expect(() => bestConstantCaption({ candidates: [], references: [["a"]] })).toThrow(
      "no captions",
    );
  });
});
