import { spawnSync } from "node:child_process";
import path from "node:path";
import { expect, it } from "vitest";
import { benchHelp, benchOptions } from "./bench-options.ts";
import { withTable } from "./document.ts";
import { MODEL_SIZES, stepGigaflops } from "./model-sizes.ts";
import type { Side } from "./row.ts";
import { ROWS } from "./rows.ts";
import { spreadOf } from "./spread.ts";
import { judged } from "./target.ts";

/** On a machine that others use too; what hangs is ended by it. */
const LIMIT_MILLISECONDS = 600_000;

/** What `npm run bench` starts, with these options. */
function bench(...words: string[]) {
  const argv = [path.join(import.meta.dirname, "run.mjs"), ...words];
  return spawnSync(process.execPath, argv, { encoding: "utf8" });
}

it("runs rows from end to end and prints one JSON value", { timeout: LIMIT_MILLISECONDS }, () => {
  const rows = ["no-op-trials", "plan-100k", "status-10k"];
  const asked = rows.flatMap((row) => ["--only", row]);
  const { stdout, stderr, status } = bench("--quick", "--json", ...asked);
  expect([status, stderr]).toEqual([0, expect.stringContaining("== no-op-trials: ")]);
  const spread = { median: expect.any(Number), min: expect.any(Number), max: expect.any(Number) };
  const side = (name: string, unit: string) => {
    const counted = { ...spread, count: expect.any(Number) };
    return { side: name, unit, spread: counted, peakMebibytes: null };
  };
  const measured = {
    compares: expect.any(String),
    status: "measured",
    reference: null,
    notes: expect.any(Array),
    targets: expect.any(Array),
  };
  const commands = [side("qsweep, table", "s"), side("qsweep, --json", "s")];
  expect(JSON.parse(stdout)).toEqual({
    command: `npm run bench -- --quick --json ${asked.join(" ")}`,
    machine: expect.objectContaining({
      cores: expect.any(Number),
      versions: expect.objectContaining({ Node: process.versions.node }),
    }),
    rows: [
      { row: "no-op-trials", ...measured, sides: [side("20 trials", "ms")] },
      { row: "plan-100k", ...measured, sides: commands },
      { row: "status-10k", ...measured, sides: commands },
    ],
  });
});

it("shows its rows, and refuses what it does not know", () => {
  const help = benchHelp(ROWS);
  for (const { name } of ROWS) expect(help).toContain(`\n  ${name} `);
  expect(benchOptions(["--help"], ROWS)).toBeNull();
  const unknown = ["--only", "step-huge"];
  expect(() => benchOptions(unknown, ROWS)).toThrow("no row step-huge, only step-small, step-base");
  const quick = ["--quick", "--write", "table.md"];
  expect(() => benchOptions(quick, ROWS)).toThrow("--quick measures nothing");
  const asked = benchOptions(["--only", "score", "--only", "startup", "--json"], ROWS);
  expect(asked?.rows.map(({ name }) => name)).toEqual(["score", "startup"]);
});

it("takes the middle of what was measured", () => {
  expect(spreadOf([5, 1, 3])).toEqual({ median: 3, min: 1, max: 5, count: 3 });
  expect(spreadOf([4, 1, 3, 2])).toEqual({ median: 2.5, min: 1, max: 4, count: 4 });
  expect(() => spreadOf([])).toThrow("no samples");
});

it("judges a side by itself, by another one, and by its memory", () => {
  const side = (name: string, median: number, peakMebibytes: number | null): Side => {
    return { side: name, unit: "ms", spread: spreadOf([median]), peakMebibytes };
  };
  const sides = [side("ours", 6, 200), side("theirs", 8, 100)];
  const target = { side: "ours", figure: "median", against: "theirs" } as const;
  expect(judged({ ...target, limit: { atMost: 0.8 } }, sides)).toEqual({
    target: "ours ≤ 0.8 × theirs",
    reached: 0.75,
    isMet: true,
  });
  expect(judged({ ...target, limit: { atLeast: 1 } }, sides)?.isMet).toBe(false);
  expect(judged({ ...target, figure: "peak", limit: { atMost: 1 } }, sides)).toEqual({
    target: "peak memory of ours ≤ 1 × theirs",
    reached: 2,
    isMet: false,
  });
  expect(judged({ ...target, against: null, limit: { atMost: 6 } }, sides)).toEqual({
    target: "ours ≤ 6 ms",
    reached: 6,
    isMet: true,
  });
  const unknown = [side("ours", 6, null), side("theirs", 8, 100)];
  expect(judged({ ...target, figure: "peak", limit: { atMost: 1 } }, unknown)).toBeNull();
});

it("counts the products of a step as a calculation by hand does", () => {
  // 1 patch of 1 pixel and the class token, width 1, one layer each, a vocabulary of 1, one token.
  const one = { width: 1, layers: 1, heads: 1 };
  const size = { imagePixels: 1, patchPixels: 1, batch: 1, tokens: 1, vision: one };
  const tiny = { ...size, text: { ...one, vocabulary: 1 } };
  // Embedding 2·3; vision 12·2 + 2·4; text 14 + 2, keys and values 4, attention to them 4; head 2.
  expect(stepGigaflops(tiny) * 1e9).toBeCloseTo(3 * 2 * (6 + 32 + 16 + 8 + 2));
  // The published model: measured facts speak of about 800.
  expect(Math.round(stepGigaflops(MODEL_SIZES.base) / 100)).toBe(8);
});

it("puts a table in place of the former one and leaves what people wrote", () => {
  const first = withTable("# Title\n\nWords.\n", "| a |\n");
  const again = withTable(first.replace("| a |", "| a |\n| more |") + "\nAfter.\n", "| b |\n");
  expect(again).toBe(`${withTable("# Title\n\nWords.\n", "| b |")}\nAfter.\n`);
});
