import { describe, expect, test } from "vitest";
import { renderDiagnostics } from "../../../orchestrator/output/diagnostic.ts";
import { MAX_YAML_BYTES, readYaml } from "../../../orchestrator/sweep/read-yaml.ts";
import { sourceText } from "../../../orchestrator/sweep/source-text.ts";
import { plainValue } from "../../../orchestrator/sweep/yaml-node.ts";
import { lines, PLAIN } from "./diagnose.ts";

function read(text: string) {
  const { root, diagnostics } = readYaml(sourceText({ name: "s.yaml", kind: "file", text }));
  return { value: root && plainValue(root), shown: renderDiagnostics(diagnostics, PLAIN) };
}

const checkScalar = (text: string, expected: unknown) =>
  test(text, () => expect(read(`a: ${text}`).value).toEqual({ a: expected }));

describe("scalars are those of YAML 1.2's core schema", () => {
  checkScalar("5e-5", 0.00005);
  checkScalar("1e-8", 0.00000001);
  checkScalar("1E+2", 100);
  checkScalar(".5", 0.5);
  checkScalar("-3", -3);
  checkScalar("0x10", 16);
  checkScalar('"5e-5"', "5e-5");
  checkScalar("true", true);
  checkScalar("no", "no");
  checkScalar("12:00:00", "12:00:00");
  checkScalar("15m", "15m");
  checkScalar("~", null);
  checkScalar("", null);
  checkScalar("[1, two]", [1, "two"]);
});

const checkRefused = (name: string, text: string, expected: string) =>
  test(name, () => expect(read(text)).toEqual({ value: null, shown: lines(expected) }));

describe("what is no map of keys and values is refused at its place", () => {
  checkRefused(
    "an empty file",
    "",
    `
    s.yaml:1:1: the file is empty; expected a map of keys and values
      
      ^
    `,
  );
  checkRefused(
    "comments only",
    "# later\n",
    `
    s.yaml:1:1: the file is empty; expected a map of keys and values
      # later
      ^
    `,
  );
  checkRefused(
    "a list",
    "- a\n- b\n",
    `
    s.yaml:1:1: expected a map of keys and values at the top
      - a
      ^^^
    `,
  );
  checkRefused(
    "a tab as indentation",
    "train:\n\tepochs: 1\n",
    `
    s.yaml:2:1: a tab indents this line; YAML is indented with spaces
       epochs: 1
      ^
    `,
  );
  checkRefused(
    "a bracket that is not closed",
    "seeds: [0, 1\nname: x\n",
    `
    s.yaml:2:1: flow sequence in block collection must be sufficiently indented and end with a ]
      name: x
      ^
    `,
  );
  checkRefused(
    "a second document",
    "a: 1\n---\nb: 2\n",
    `
    s.yaml:2:1: a second document begins here; a file holds one
      ---
      ^^^
    `,
  );
  checkRefused(
    "a tag",
    "a: !!set {b}\n",
    `
    s.yaml:1:4: tags such as !!set are not supported
      a: !!set {b}
         ^^^^^
    `,
  );
  checkRefused(
    "a key that is a list",
    "? [1]\n: 2\n",
    `
    s.yaml:1:3: a key must be plain text
      ? [1]
        ^
    `,
  );
});

test("a key given twice is shown at both places and keeps its first value", () => {
  expect(read("a: 1\nb: {c: 2, c: 3}\na: 4\n")).toEqual({
    value: { a: 1, b: { c: 2 } },
    shown: lines(`
      s.yaml:2:11: the key "c" is given twice
        b: {c: 2, c: 3}
                  ^
      s.yaml:2:5: first given here
        b: {c: 2, c: 3}
            ^

      s.yaml:3:1: the key "a" is given twice
        a: 4
        ^
      s.yaml:1:1: first given here
        a: 1
        ^
      `),
  });
});

test("columns count the same behind Windows line ends", () => {
  expect(read("a: 1\r\nb: 1\r\nb: 2\r\n").shown).toContain("s.yaml:3:1:");
});

test("an alias stands for its anchor's value", () => {
  expect(read("a: &x {r: 8}\nb: *x\n").value).toEqual({ a: { r: 8 }, b: { r: 8 } });
});

test("an alias of what comes later, or of what it is part of, is refused", () => {
  expect(read("a: &x [*x, *y]\n").shown).toBe(
    lines(`
      s.yaml:1:8: no value is marked &x before this
        a: &x [*x, *y]
               ^^

      s.yaml:1:12: no value is marked &y before this
        a: &x [*x, *y]
                   ^^
      `),
  );
});

test("an alias bomb is refused once, where it goes off", () => {
  const bomb = ["l0: &l0 [x, x, x, x, x, x, x, x, x, x]"];
  for (let level = 1; level < 12; level += 1) {
    const alias = `*l${level - 1}`;
    bomb.push(`l${level}: &l${level} [${Array.from({ length: 10 }, () => alias).join(", ")}]`);
  }
  const { shown } = read(bomb.join("\n"));
  expect(shown.match(/s\.yaml:\d+:\d+: .*/g)).toEqual([
    // Lines 1 to 3 repeat 110 and 1110 values; each alias of line 4 adds 1111, and the eighth is
    // over.
    "s.yaml:4:45: aliases repeat more than 10000 values",
  ]);
});

test("a key named __proto__ is a key like any other", () => {
  const { value } = read("__proto__: {polluted: true}\n");
  expect(Object.keys(value ?? {})).toEqual(["__proto__"]);
  expect({}).not.toHaveProperty("polluted");
});

test("nesting without end is refused", () => {
  expect(read(`a: ${"[".repeat(100_000)}`).shown).toContain("values are nested more than 32 deep");
  expect(read(`a: ${"[".repeat(40)}${"]".repeat(40)}`).shown).toContain("more than 32 deep");
});

test("a text of more than a megabyte is refused unread", () => {
  const { value, shown } = read(`a: ${"x".repeat(MAX_YAML_BYTES)}`);
  expect(value).toBeNull();
  expect(shown).toMatch(/^s\.yaml:1:1: the file is larger than 1 MB\n/);
});
