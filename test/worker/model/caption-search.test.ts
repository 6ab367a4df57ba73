import { expect, it } from "vitest";
import { searchCaptions } from "../../../worker/model/caption-search.ts";
import type { NextTokenModel, SearchSettings } from "../../../worker/model/caption-search.ts";

const END = 0;
const settings: SearchSettings = {
  numBeams: 1,
  maxLength: 6,
  minLength: 0,
  repetitionPenalty: 1,
  noRepeatNgramSize: 0,
  lengthPenalty: 1,
  earlyStopping: false,
  together: false,
  endId: END,
};

/** A model whose next-token probabilities depend on the last token alone, one table an image. */
class TableModel implements NextTokenModel {
  readonly rowsAsked: number[] = [];
  readonly #tables: number[][][];
  #imageOfRow: number[];

  constructor(tables: number[][][]) {
    this.#tables = tables;
    this.#imageOfRow = tables.map((_, image) => image);
  }

  start(): Promise<Float32Array[]> {
    return Promise.resolve(this.#tables.map((table) => this.#logits(table, 1)));
  }

  advance({ parents, tokens }: { parents: number[]; tokens: number[] }): Promise<Float32Array[]> {
    this.rowsAsked.push(tokens.length);
    this.#imageOfRow = parents.map((parent) => this.#imageOfRow[parent]!);
    const tables = this.#imageOfRow.map((image) => this.#tables[image]!);
    return Promise.resolve(tables.map((table, row) => this.#logits(table, tokens[row]!)));
  }

  #logits(table: number[][], last: number): Float32Array {
    return Float32Array.from(table[last]!, Math.log);
  }
}

// Rows: after token 0 (never asked), 1, 2, 3. Greedy goes 1 → 2 → 2 …; 1 → 3 → end is likelier.
const misleading = [
  [1, 0, 0, 0],
  [0.01, 0.01, 0.58, 0.4],
  [0.1, 0.2, 0.4, 0.3],
  [0.97, 0.01, 0.01, 0.01],
];
const shortest = [
  [1, 0, 0, 0],
  [0.9, 0.04, 0.03, 0.03],
  [0.9, 0.04, 0.03, 0.03],
  [0.9, 0.04, 0.03, 0.03],
];

it("takes the likeliest token at each step with one beam, up to the limit", async () => {
  const found = await searchCaptions(
    new TableModel([misleading]),
    { images: 1, firstIds: [1] },
    settings,
  );
  expect(found).toEqual([[{ ids: [1, 2, 2, 2, 2, 2], score: null }]]);
});

it("finds the likelier caption behind a less likely token with more beams", async () => {
  const beams = { ...settings, numBeams: 2 };
  const found = await searchCaptions(
    new TableModel([misleading]),
    { images: 1, firstIds: [1] },
    beams,
  );
  expect(found[0]![0]!.ids).toEqual([1, 3, END]);
  expect(found[0]![0]!.score).toBeCloseTo(Math.log(0.4 * 0.97) / 2, 5);
});

it.each([1, 2])("asks nothing more of an image that is done, with %d beams", async (numBeams) => {
  const model = new TableModel([shortest, misleading]);
  const found = await searchCaptions(
    model,
    { images: 2, firstIds: [1] },
    { ...settings, numBeams, earlyStopping: true },
  );
  expect(found[0]![0]!.ids).toEqual([1, END]);
  expect(model.rowsAsked[0]).toBeGreaterThan(0);
  expect(model.rowsAsked.at(-1)).toBe(numBeams);
});

// With a length penalty of 2 and two beams: done after 1 → 2 → end, scored ln(0.29 · 0.9) / 2²; a
// step more finds 1 → 3 → 2 → end, scored ln(0.2 · 0.4 · 0.9) / 3².
const doneEarly = [
  [1, 0, 0, 0],
  [0.5, 0.01, 0.29, 0.2],
  [0.9, 0.03, 0.05, 0.02],
  [0.58, 0.01, 0.4, 0.01],
];

it.each([
  { together: false, ids: [1, 2, END], score: Math.log(0.29 * 0.9) / 4 },
  { together: true, ids: [1, 3, 2, END], score: Math.log(0.2 * 0.4 * 0.9) / 9 },
])("goes on with what is done while other images are not: $together", async (expected) => {
  const { together, ids, score } = expected;
  const found = await searchCaptions(
    new TableModel([doneEarly, misleading]),
    { images: 2, firstIds: [1] },
    { ...settings, numBeams: 2, lengthPenalty: 2, together },
  );
  expect(found[0]![0]!.ids).toEqual(ids);
  expect(found[0]![0]!.score).toBeCloseTo(score, 5);
});

it("gives an image the same captions whatever else is in the batch", async () => {
  const beams = { ...settings, numBeams: 3 };
  const search = (tables: number[][][]) =>
    searchCaptions(new TableModel(tables), { images: tables.length, firstIds: [1] }, beams);
  const together = await search([misleading, shortest, misleading]);
  expect(together).toEqual([
    ...(await search([misleading])),
    ...(await search([shortest])),
    ...(await search([misleading])),
  ]);
});
