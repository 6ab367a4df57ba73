import { expect, test } from "vitest";
import { splitWords, withoutTrailingSpace } from "../../../worker/metrics/words.ts";

// What Python 3 gives for str.split() and str.rstrip().
test.each([
  ["a\u00A0b\u3000c", ["a", "b", "c"]],
  ["a\u001Cb\u0085c", ["a", "b", "c"]],
  ["a\uFEFFb\u200Bc", ["a\uFEFFb\u200Bc"]],
  ["  a\t\n", ["a"]],
  ["", []],
])("the words of %j are Python's", (text, words) => {
  expect(splitWords(text)).toEqual(words);
});

test("space at the end is removed as Python does, and none before", () => {
  expect(withoutTrailingSpace(" a\uFEFF\u00A0\u001F ")).toBe(" a\uFEFF");
});
