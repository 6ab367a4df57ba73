import { writeFile } from "node:fs/promises";
import path from "node:path";
import { describe, expect, it } from "vitest";
import { CaptionTokenizer } from "../../../worker/data/caption-tokenizer.ts";
import { temporaryFolder } from "./temporary-folder.ts";

const SPECIALS = ["[PAD]", "[UNK]", "[CLS]", "[SEP]", "[MASK]"];
const UNK = 1;
const CLS = 2;
const SEP = 3;

async function folderWith(files: Record<string, string>): Promise<string> {
  const folder = await temporaryFolder();
  for (const [name, text] of Object.entries(files)) await writeFile(path.join(folder, name), text);
  return folder;
}

async function tokenizerOf(words: readonly string[]): Promise<CaptionTokenizer> {
  const vocabulary = [...SPECIALS, ...words].join("\n");
  return CaptionTokenizer.load(await folderWith({ "vocab.txt": `${vocabulary}\n` }));
}

// Whole captions are compared with Hugging Face's ids in test/reference/tokenizer.test.ts.
describe("encoding", () => {
  const check = (title: string, words: string[], text: string, expected: number[]) =>
    it(title, async () => {
      const tokenizer = await tokenizerOf(words);
      expect(tokenizer.encode(text, 20)).toEqual([CLS, ...expected, SEP]);
    });

  check("takes the longest piece first", ["ab", "a", "##bc", "##c"], "abc", [5, 8]);
  check("sets ideographs beyond U+FFFF apart", ["a", "\u{20000}"], "a\u{20000}a", [5, 6, 5]);
  check("knows no final form of an upper-case sigma", ["οδοσ", "οδος"], "ΟΔΟΣ", [5]);
  check("keeps a final sigma that is there", ["οδοσ", "οδος"], "οδος", [6]);
  check("gives up on a whole word of which a part is unknown", ["a"], "ab a", [UNK, 5]);

  it("keeps [CLS] and [SEP] however short it must be", async () => {
    const tokenizer = await tokenizerOf(["a"]);
    expect(tokenizer.encode("a a a a", 4)).toEqual([CLS, 5, 5, SEP]);
    expect(tokenizer.encode("a a a a", 2)).toEqual([CLS, SEP]);
  });

  it("takes a caption of ten thousand words", async () => {
    const tokenizer = await tokenizerOf(["a"]);
    expect(tokenizer.encode("a ".repeat(10_000), 12)).toHaveLength(12);
  });
});

describe("decoding", () => {
  it("gives an empty caption for nothing but special tokens", async () => {
    const tokenizer = await tokenizerOf(["a"]);
    expect([tokenizer.decode([]), tokenizer.decode([CLS, SEP, 0])]).toEqual(["", ""]);
  });

  it("puts no space before punctuation", async () => {
    const tokenizer = await tokenizerOf(["a", ".", "dog", "##s"]);
    expect(tokenizer.decode([5, 7, 8, 6])).toBe("a dogs.");
  });
});

describe("a folder without a right tokenizer is refused", () => {
  const check = (title: string, files: Record<string, string>, reason: string, message: RegExp) =>
    it(title, async () => {
      const failure = expect(CaptionTokenizer.load(await folderWith(files))).rejects;
      await failure.toMatchObject({ reason, message: expect.stringMatching(message) });
    });

  check("no files", {}, "model-missing", /vocab\.txt/);
  check("no [SEP]", { "vocab.txt": "[PAD]\n[UNK]\n[CLS]\n" }, "model-invalid", /no \[SEP\]/);
  check("not JSON", { "tokenizer.json": "{" }, "model-invalid", /not JSON/);
  check(
    "another kind",
    { "tokenizer.json": JSON.stringify({ model: { type: "BPE", vocab: {} } }) },
    "model-invalid",
    /model\.type/,
  );
});
