import { expect, test } from "vitest";
import { renderDiagnostics } from "../../../orchestrator/output/diagnostic.ts";
import { styleFor } from "../../../orchestrator/output/style.ts";
import { diagnostic } from "../../../orchestrator/sweep/diagnostic.ts";
import { sourceText } from "../../../orchestrator/sweep/source-text.ts";
import { lines, PLAIN } from "../sweep/diagnose.ts";

function problem(text: string, marked: string, message = "wrong") {
  const source = sourceText({ name: "f.yaml", kind: "file", text });
  const start = text.indexOf(marked);
  return diagnostic(message, { source, start, end: start + marked.length });
}

test("a mark ends with its line", () => {
  expect(renderDiagnostics([problem("a:\n  b: [1,\n  2]\n", "[1,\n  2]")], PLAIN)).toBe(
    lines(`
      f.yaml:2:6: wrong
          b: [1,
             ^^^
      `),
  );
});

test("a line of any length is shown around its mark", () => {
  const shown = renderDiagnostics(
    [problem(`${"x".repeat(500)}HERE${"y".repeat(500)}`, "HERE")],
    PLAIN,
  );
  expect(shown).toBe(
    `f.yaml:1:501: wrong\n  …${"x".repeat(20)}HERE${"y".repeat(76)}…\n   ${" ".repeat(20)}^^^^\n`,
  );
});

test("what would move a terminal's cursor is not passed on", () => {
  const shown = renderDiagnostics([problem("\tkey\u001b[2J: 1", "key", "bad \u0007")], PLAIN);
  expect(shown).toBe("f.yaml:1:2: bad ·\n   key·[2J: 1\n   ^^^\n");
});

test("beyond fifty problems the rest is counted", () => {
  const many = Array.from({ length: 53 }, (_, index) => problem("a: 1", "a", `problem ${index}`));
  const shown = renderDiagnostics(many, PLAIN);
  expect(shown).toContain("problem 49\n");
  expect(shown).not.toContain("problem 50\n");
  expect(shown.endsWith("… and 3 more problems\n")).toBe(true);
});

const colours = (stream: { isTTY?: boolean }, environment: Record<string, string>) =>
  styleFor(stream, environment).red("x") !== "x";

test("colours are for terminals that want them", () => {
  expect(colours({ isTTY: true }, {})).toBe(true);
  expect(colours({ isTTY: true }, { NO_COLOR: "1" })).toBe(false);
  expect(colours({ isTTY: true }, { NO_COLOR: "" })).toBe(true);
  expect(colours({}, {})).toBe(false);
});
