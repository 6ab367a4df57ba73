import { readFileSync } from "node:fs";
import { copyFile, mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import path from "node:path";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { CaptionTokenizer } from "../../worker/data/caption-tokenizer.ts";
import { fixturePath } from "./fixtures.ts";

interface TokenizerFixture {
  model_max_length: number;
  cases: { text: string; ids: number[]; decoded: string }[];
  padded_to_longest: { texts: string[]; input_ids: number[][] };
  truncated_to_12: { input_ids: number[][] };
  decode_with_unknown_id: { ids: number[]; decoded: string };
}

const fixture: TokenizerFixture = JSON.parse(readFileSync(fixturePath("tokenizer.json"), "utf8"));
const model = fixturePath("tiny-blip");
const UNLIMITED = 1_000_000;

let vocabularyOnly: string;
beforeAll(async () => {
  vocabularyOnly = await mkdtemp(path.join(tmpdir(), "qsweep-vocabulary-"));
  await copyFile(path.join(model, "vocab.txt"), path.join(vocabularyOnly, "vocab.txt"));
});
afterAll(() => rm(vocabularyOnly, { recursive: true }));

describe.each([
  ["tokenizer.json", () => model],
  ["vocab.txt alone", () => vocabularyOnly],
])("the tokenizer read from %s", (_, directory) => {
  it.each(fixture.cases)("encodes $text", async ({ text, ids }) => {
    const tokenizer = await CaptionTokenizer.load(directory());
    expect(tokenizer.encode(text, UNLIMITED)).toEqual(ids);
  });

  it.each(fixture.cases)("decodes the ids of $text", async ({ ids, decoded }) => {
    const tokenizer = await CaptionTokenizer.load(directory());
    expect(tokenizer.decode(ids)).toBe(decoded);
  });

  it("pads as the reference does", async () => {
    const tokenizer = await CaptionTokenizer.load(directory());
    const { texts, input_ids } = fixture.padded_to_longest;
    const rows = texts.map((text) => tokenizer.encode(text, UNLIMITED));
    const longest = Math.max(...rows.map((ids) => ids.length));
    expect(rows.map((ids) => padded(ids, longest, tokenizer.padId))).toEqual(input_ids);
  });

  it("cuts a caption at 12 tokens, [SEP] last", async () => {
    const tokenizer = await CaptionTokenizer.load(directory());
    const expected = fixture.truncated_to_12.input_ids;
    const rows = fixture.cases.slice(0, expected.length).map(({ text }) => {
      return padded(tokenizer.encode(text, 12), 12, tokenizer.padId);
    });
    expect(rows).toEqual(expected);
  });

  it("leaves out ids that only the model knows", async () => {
    const tokenizer = await CaptionTokenizer.load(directory());
    const { ids, decoded } = fixture.decode_with_unknown_id;
    expect(tokenizer.decode(ids)).toBe(decoded);
  });
});

function padded(ids: readonly number[], length: number, padId: number): number[] {
  return [...ids, ...Array.from({ length: length - ids.length }, () => padId)];
}
