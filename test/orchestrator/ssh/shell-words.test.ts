import { execFileSync } from "node:child_process";
import { array, assert, property, string } from "fast-check";
import { expect, it } from "vitest";
import { shellLine, shellWord } from "../../../orchestrator/ssh/shell-words.ts";

it("a shell gives a program the words as they were", () => {
  const word = string({ unit: "grapheme" }).map((text) => text.replaceAll("\0", ""));
  assert(
    property(array(word, { maxLength: 20 }), (words) => {
      const line = shellLine(["printf", "%s\\0", "begin", ...words]);
      const said = execFileSync("/bin/sh", ["-c", line], { encoding: "utf8" });
      expect(said).toBe(["begin", ...words].map((text) => `${text}\0`).join(""));
    }),
    { numRuns: 50 },
  );
});

it("refuses a NUL", () => {
  expect(() => shellWord("a\0b")).toThrow("NUL");
});
