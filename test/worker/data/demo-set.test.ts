import { readdir, readFile, writeFile } from "node:fs/promises";
import path from "node:path";
import { describe, expect, it } from "vitest";
import { readSplit } from "../../../worker/data/caption-dataset.ts";
import { CaptionTokenizer } from "../../../worker/data/caption-tokenizer.ts";
import { writeDemoSet } from "../../../worker/data/demo-set.ts";
import { decodeImage } from "../../../worker/data/image-file.ts";
import { temporaryFolder } from "./temporary-folder.ts";

const OPTIONS = { seed: 3, train: 12, val: 8, domain: "scenes" } as const;
const DROP = { precanned: "drop", rejected: "drop" } as const;

async function drawn(options: Parameters<typeof writeDemoSet>[1]): Promise<string> {
  const root = path.join(await temporaryFolder(), "set");
  await writeDemoSet(root, options);
  return root;
}

const stamp = (root: string) => readFile(path.join(root, "demo-set.json"), "utf8");

describe.each(["scenes", "simple"] as const)("a demo set of the domain %s", (domain) => {
  it("is a data set with five captions an image, all of known words", async () => {
    const root = await drawn({ ...OPTIONS, domain });
    const train = await readSplit({ root, split: "train", ...DROP });
    const val = await readSplit({ root, split: "val", ...DROP });
    expect([train.images.length, val.images.length]).toEqual([12, 8]);
    const tokenizer = await CaptionTokenizer.load("configs/models/demo-blip-config");
    for (const { file, captions } of [...train.images, ...val.images]) {
      expect(await decodeImage(file)).toMatchObject({ width: 64, height: 64, channels: 3 });
      expect(captions).toHaveLength(5);
      for (const caption of captions) {
        const ids = tokenizer.encode(caption, 64);
        const words = caption.match(/[a-z]+|[.,]/gi) ?? [];
        expect(ids).toHaveLength(words.length + 2);
      }
    }
  });

  it("is the same for the same options, and another for another seed", async () => {
    const options = { ...OPTIONS, train: 2, val: 2, domain };
    const [one, same, other] = [
      await drawn(options),
      await drawn(options),
      await drawn({ ...options, seed: 4 }),
    ];
    expect(await stamp(same)).toBe(await stamp(one));
    expect(JSON.parse(await stamp(other)).digest).not.toBe(JSON.parse(await stamp(one)).digest);
  });
});

it("images keep their pictures and captions when the set grows", async () => {
  const small = await drawn({ ...OPTIONS, train: 3 });
  const large = await drawn({ ...OPTIONS, train: 5 });
  const read = async (root: string) => (await readSplit({ root, split: "train", ...DROP })).images;
  const [few, more] = [await read(small), await read(large)];
  expect(more.slice(0, 3).map((image) => image.captions)).toEqual(few.map((i) => i.captions));
});

describe("a folder that is already there", () => {
  it("is left alone when it holds the set asked for", async () => {
    const root = await drawn(OPTIONS);
    const file = path.join(root, "annotations", "val.json");
    await writeFile(file, "touched");
    await writeDemoSet(root, OPTIONS);
    expect(await readFile(file, "utf8")).toBe("touched");
  });

  it("is refused when it holds another set", async () => {
    const root = await drawn(OPTIONS);
    await expect(writeDemoSet(root, { ...OPTIONS, seed: 9 })).rejects.toMatchObject({
      reason: "data-invalid",
      message: expect.stringContaining("seed 3, not 9"),
    });
  });

  it("is refused, untouched, when it holds something else", async () => {
    const root = await temporaryFolder();
    await writeFile(path.join(root, "mine.txt"), "mine");
    await expect(writeDemoSet(root, OPTIONS)).rejects.toMatchObject({ reason: "data-invalid" });
    expect(await readdir(root)).toEqual(["mine.txt"]);
  });

  it("is filled when it is empty", async () => {
    const root = await temporaryFolder();
    await writeDemoSet(root, { ...OPTIONS, train: 1, val: 1 });
    expect((await readdir(root)).toSorted()).toEqual([
      "annotations",
      "demo-set.json",
      "train",
      "val",
    ]);
  });

  it("serves two writers of the same set at the same time", async () => {
    const root = path.join(await temporaryFolder(), "set");
    const options = { ...OPTIONS, train: 1, val: 1 };
    await Promise.all([writeDemoSet(root, options), writeDemoSet(root, options)]);
    expect(await readdir(path.dirname(root))).toEqual(["set"]);
  });
});
