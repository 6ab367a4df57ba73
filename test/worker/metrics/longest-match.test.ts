import * as fc from "fast-check";
import { describe, expect, test } from "vitest";
import { parsePattern } from "../../../worker/metrics/lexical-pattern.ts";
import { Alphabet, LongestMatch } from "../../../worker/metrics/longest-match.ts";

const alphabet = (): Alphabet => new Alphabet((character) => character);

describe("the longest match", () => {
  test.each([
    "a|ab|abc",
    "(a|ab)(c|bc)*",
    "a{2,4}b?",
    "(ab){2}",
    "a{0,2}b",
    "(a*b|c+)*a",
    "(a?b?c?)+",
    String.raw`[^aA]+a|\(b`,
  ])("of %s ends where a regular expression fits most characters", (pattern) => {
    const whole = new RegExp(`^(${pattern})$`, "iu");
    const text = fc.string({ unit: fc.constantFrom("a", "b", "c", "A", "("), maxLength: 12 });
    fc.assert(
      fc.property(text, (input) => {
        const ends = Array.from(input, (_, index) => index + 1);
        const longest = ends.findLast((end) => whole.test(input.slice(0, end)));
        const match = new LongestMatch(alphabet(), [pattern]).at(input, 0, input.length);
        expect(match?.end).toBe(longest);
      }),
    );
  });

  test("belongs to the first pattern among equals, and to a later one where that fits more", () => {
    const matcher = new LongestMatch(alphabet(), ["dog", "[a-z]+", "[a-z]+s"]);
    expect(matcher.at("dog", 0, 3)).toEqual({ pattern: 0, end: 3 });
    expect(matcher.at("dogs", 0, 4)).toEqual({ pattern: 1, end: 4 });
  });

  test("stays within its bounds", () => {
    const matcher = new LongestMatch(alphabet(), ["[a-z]+"]);
    expect(matcher.at("xdogs", 1, 4)).toEqual({ pattern: 0, end: 4 });
    expect(matcher.at("1dog", 0, 4)).toBeNull();
  });

  test("ignores the case of literals but not of classes", () => {
    const matcher = new LongestMatch(alphabet(), ["k[k]"]);
    expect(matcher.at("Kk", 0, 2)).not.toBeNull();
    expect(matcher.at("\u212Ak", 0, 2)).not.toBeNull();
    expect(matcher.at("kK", 0, 2)).toBeNull();
  });
});

test.each(["(a", "a)", "a.b", "*a"])("%s is refused as a pattern", (source) => {
  expect(() => parsePattern(source)).toThrow(source);
});
