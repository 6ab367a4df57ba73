import { mkdir, writeFile } from "node:fs/promises";
import path from "node:path";
import { describe, expect, it } from "vitest";
import { readSplit, readSplitImages } from "../../../worker/data/caption-dataset.ts";
import { temporaryFolder } from "./temporary-folder.ts";

const image = (id: number, file_name = `${id}.jpg`) => ({ id, file_name });
const caption = (id: number, image_id: number, text: string, marks: object = {}) => ({
  id,
  image_id,
  caption: text,
  ...marks,
});
const DROP = { precanned: "drop", rejected: "drop" } as const;

async function written(content: unknown): Promise<string> {
  const root = await temporaryFolder();
  await mkdir(path.join(root, "annotations"));
  const text = typeof content === "string" ? content : JSON.stringify(content);
  await writeFile(path.join(root, "annotations", "val.json"), text);
  return root;
}

describe("captions that VizWiz marks", () => {
  const content = {
    images: [image(2), image(1), image(3)],
    annotations: [
      caption(0, 2, "a dog"),
      caption(1, 1, "Quality issues are too severe.", { is_precanned: true, is_rejected: true }),
      caption(2, 2, "  "),
      caption(3, 3, "spam", { is_rejected: true }),
      caption(4, 2, "a cat"),
    ],
  };

  it("are dropped, with the images they leave without captions, and counted", async () => {
    const root = await written(content);
    expect(await readSplit({ root, split: "val", ...DROP })).toEqual({
      split: "val",
      images: [{ id: 2, file: path.join(root, "val", "2.jpg"), captions: ["a dog", "a cat"] }],
      dropped: { precanned: 1, rejected: 1, empty: 1, images: 2 },
    });
  });

  it("are kept where the sweep says so, images by id", async () => {
    const root = await written(content);
    const split = await readSplit({ root, split: "val", precanned: "keep", rejected: "keep" });
    expect(split.images.map(({ id, captions }) => [id, captions])).toEqual([
      [1, ["Quality issues are too severe."]],
      [2, ["a dog", "a cat"]],
      [3, ["spam"]],
    ]);
    expect(split.dropped).toEqual({ precanned: 0, rejected: 0, empty: 1, images: 0 });
  });

  it("stay dropped as rejected where only precanned ones are kept", async () => {
    const root = await written(content);
    const split = await readSplit({ root, split: "val", precanned: "keep", rejected: "drop" });
    expect(split.dropped).toMatchObject({ precanned: 0, rejected: 2 });
  });
});

it("a split without annotations keeps all its images", async () => {
  const root = await written({ images: [image(5), image(4)] });
  const split = await readSplit({ root, split: "val", ...DROP });
  expect(split.images.map(({ id, captions }) => [id, captions])).toEqual([
    [4, []],
    [5, []],
  ]);
});

describe("a data set that cannot be right is refused with the file and the problem", () => {
  const check = (title: string, content: unknown, problem: RegExp) =>
    it(title, async () => {
      const root = await written(content);
      const failure = expect(readSplit({ root, split: "val", ...DROP })).rejects;
      await failure.toMatchObject({ name: "Failure", reason: "data-invalid" });
      await failure.toThrow(problem);
      await failure.toThrow(/annotations.val\.json/);
    });

  const one = [image(1)];
  check("not JSON", '{"images": [', /not JSON/);
  check("no images", { images: [] }, /images: /);
  check("a list", [], /expected object/);
  check("an id that is a text", { images: [{ id: "1", file_name: "1.jpg" }] }, /images\.0\.id/);
  check(
    "a caption that is a number",
    { images: one, annotations: [{ id: 0, image_id: 1, caption: 7 }] },
    /annotations\.0\.caption/,
  );
  check("an image twice", { images: [image(1), image(1)] }, /images holds the id 1 twice/);
  check(
    "an annotation twice",
    { images: one, annotations: [caption(3, 1, "a"), caption(3, 1, "b")] },
    /annotations holds the id 3 twice/,
  );
  check(
    "a caption of no image",
    { images: one, annotations: [caption(3, 9, "a")] },
    /annotation 3 is of the unknown image 9/,
  );
  for (const name of ["../../etc/passwd", "/etc/passwd", "a/../../b.jpg", "..\\b.jpg", "a\0b"]) {
    check(`a file outside, ${JSON.stringify(name)}`, { images: [image(1, name)] }, /inside/);
  }
});

it("a picture may lie in a folder of its split", async () => {
  const root = await written({ images: [image(1, "part1/a..b.jpg")] });
  const { images } = await readSplit({ root, split: "val", ...DROP });
  expect(images[0]!.file).toBe(path.join(root, "val", "part1", "a..b.jpg"));
});

it("a split whose file is missing is named with what to do", async () => {
  const root = await temporaryFolder();
  await expect(readSplit({ root, split: "train", ...DROP })).rejects.toMatchObject({
    reason: "data-missing",
    message: expect.stringContaining(path.join(root, "annotations", "train.json")),
    remedy: expect.stringContaining("dataset.root"),
  });
});

it("the name of a split cannot lead elsewhere", async () => {
  const root = await written({ images: [image(1)] });
  const failure = expect(readSplit({ root, split: "../val", ...DROP })).rejects;
  await failure.toMatchObject({ reason: "data-invalid" });
});

it("all images of a split are there by ascending id, whatever becomes of their captions", async () => {
  const annotations = [caption(0, 9, "  "), caption(1, 4, "spam", { is_rejected: true })];
  const root = await written({ images: [image(9), image(4), image(7)], annotations });
  const file = (id: number) => path.join(root, "val", `${id}.jpg`);
  const expected = [4, 7, 9].map((id) => ({ id, file: file(id) }));
  expect(await readSplitImages({ root, split: "val" })).toEqual(expected);
});
