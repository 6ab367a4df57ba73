import * as fc from "fast-check";
import { describe, expect, test } from "vitest";
import { CiderD } from "../../../worker/metrics/cider-d.ts";

const caption = fc
  .array(fc.constantFrom("a", "dog", "cat", "on", "the", "red", "mat"), { maxLength: 8 })
  .map((words) => words.join(" "));
const images = fc.array(
  fc.record({
    references: fc.array(caption, { minLength: 1, maxLength: 4 }),
    candidate: caption,
  }),
  { minLength: 1, maxLength: 6 },
);

function score(corpus: { references: string[]; candidate: string }[]): number[] {
  const scorer = new CiderD(corpus.map(({ references }) => references));
  return scorer.score(corpus.map(({ candidate }) => candidate)).perImage;
}

describe("CIDEr-D", () => {
  test("is 10 for a candidate that is its only reference and shares no word with another", () => {
    const references = [["a dog on mats"], ["two red cats run"]];
    const { mean, perImage } = new CiderD(references).score(references.flat());
    expect(perImage).toEqual([expect.closeTo(10, 12), expect.closeTo(10, 12)]);
    expect(mean).toBeCloseTo(10, 12);
  });

  test("is 0 without a word in common", () => {
    expect(new CiderD([["a dog"], ["two cats"]]).score(["two cats", "a dog"]).mean).toBe(0);
  });

  test("lies between 0 and 10", () => {
    fc.assert(
      fc.property(images, (corpus) => {
        for (const value of score(corpus)) {
          expect(value).toBeGreaterThanOrEqual(0);
          expect(value).toBeLessThan(10 + 1e-9);
        }
      }),
    );
  });

  test("of an image does not depend on the order of the images", () => {
    fc.assert(
      fc.property(images, (corpus) => {
        const backwards = score(corpus.toReversed()).toReversed();
        for (const [index, value] of score(corpus).entries()) {
          expect(backwards[index]).toBeCloseTo(value, 9);
        }
      }),
    );
  });

  test("of an image does not depend on the other candidates, before or beside it", () => {
    fc.assert(
      fc.property(images, caption, (corpus, other) => {
        const scorer = new CiderD(corpus.map(({ references }) => references));
        const candidates = corpus.map(({ candidate }) => candidate);
        const before = scorer.score(candidates).perImage[0];
        scorer.score(candidates.map(() => `${other} unseen words`));
        const changed = candidates.with(candidates.length - 1, other);
        if (changed.length > 1) expect(scorer.score(changed).perImage[0]).toBe(before);
        expect(scorer.score(candidates).perImage[0]).toBe(before);
      }),
    );
  });

  test.each<[string, string[][], string[]]>([
    ["no images", [], []],
    ["image 1 has no references", [["a"], []], ["a", "a"]],
    ["1 candidates for 2 images", [["a"], ["b"]], ["a"]],
  ])("refuses %s", (message, references, candidates) => {
    expect(() => new CiderD(references).score(candidates)).toThrow(message);
  });
});
