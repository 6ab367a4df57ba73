import { rm, writeFile } from "node:fs/promises";
import path from "node:path";
import sharp from "sharp";
import { describe, expect, it } from "vitest";
import { type BadImage, ImageStore } from "../../../worker/data/image-store.ts";
import type { Preprocessor } from "../../../worker/data/image-transform.ts";
import { temporaryFolder } from "./temporary-folder.ts";

const SIZE = 4;
const PREPROCESSOR: Preprocessor = { applyExif: false, height: SIZE, width: SIZE, values: [] };
const BYTES = SIZE * SIZE * 3;

/** Pictures of one level each; a file named bad… is no picture. */
async function pictures(names: readonly string[]): Promise<{ file: string }[]> {
  const folder = await temporaryFolder();
  return Promise.all(
    names.map(async (name, index) => {
      const file = path.join(folder, name);
      const pixels = { width: 9, height: 7, channels: 3 } as const;
      const data = Buffer.alloc(9 * 7 * 3, index + 1);
      if (name.startsWith("bad")) await writeFile(file, "text");
      else if (!name.startsWith("gone")) await sharp(data, { raw: pixels }).png().toFile(file);
      return { file };
    }),
  );
}

function open(
  images: readonly { file: string }[],
  options: { maxBadImages?: number; maxKeptBytes?: number; bad?: BadImage[] } = {},
) {
  const { maxBadImages = 0, bad = [], ...rest } = options;
  const onBadImage = (found: BadImage) => void bad.push(found);
  return ImageStore.open({ images, preprocessor: PREPROCESSOR, maxBadImages, onBadImage, ...rest });
}

describe("an image store", () => {
  it("leaves out missing and corrupt images, and tells of them in order", async () => {
    const names = ["a.png", "bad1.png", "b.png", "gone.png", "c.png", "bad2.png", "d.png"];
    const images = await pictures(names);
    const bad: BadImage[] = [];
    const store = await open(images, { maxBadImages: 3, bad });
    expect(store.images).toEqual([images[0], images[2], images[4], images[6]]);
    expect(bad.map(({ file }) => file)).toEqual(
      [images[1], images[3], images[5]].map((i) => i!.file),
    );
    expect(bad[1]!.problem).toBe("the file does not exist");
  });

  it("gives the pixels that belong to an index", async () => {
    const store = await open(await pictures(["bad.png", "a.png", "b.png"]), { maxBadImages: 1 });
    expect(await store.pixels(0)).toEqual(new Uint8Array(BYTES).fill(2));
    expect(await store.pixels(1)).toEqual(new Uint8Array(BYTES).fill(3));
  });

  it("fails beyond the limit of bad images, naming them", async () => {
    const images = await pictures(["bad1.png", "a.png", "gone.png", "b.png"]);
    const failure = expect(open(images, { maxBadImages: 1 })).rejects;
    await failure.toMatchObject({
      reason: "data-invalid",
      message: expect.stringMatching(/more than 1 images.*bad1\.png.*gone\.png/),
    });
  });

  it("fails with no image left, whatever the limit", async () => {
    const failure = expect(open(await pictures(["bad.png"]), { maxBadImages: 9 })).rejects;
    await failure.toMatchObject({ reason: "data-invalid" });
  });

  it("needs no file again for what fits into memory, and the file for the rest", async () => {
    const images = await pictures(["a.png", "b.png"]);
    const store = await open(images, { maxKeptBytes: BYTES });
    expect(await store.pixels(1)).toEqual(new Uint8Array(BYTES).fill(2));
    await Promise.all(images.map(({ file }) => rm(file)));
    expect(await store.pixels(0)).toEqual(new Uint8Array(BYTES).fill(1));
    await expect(store.pixels(1)).rejects.toMatchObject({ reason: "image-invalid" });
  });

  it("hands out what was fetched ahead, a few images at a time", async () => {
    const images = await pictures(["a.png", "b.png", "c.png", "d.png", "e.png"]);
    const store = await open(images, { maxKeptBytes: 0 });
    store.prefetch([4, 3, 2, 1, 0]);
    const ahead = [4, 3, 2, 1].map((index) => store.pixels(index));
    const levels = await Promise.all(ahead);
    expect(levels.map((pixels) => pixels[0])).toEqual([5, 4, 3, 2]);
    await Promise.all(images.map(({ file }) => rm(file)));
    await expect(store.pixels(0)).rejects.toMatchObject({ reason: "image-invalid" });
  });

  it("leaves the error of an image fetched ahead to whoever asks for it", async () => {
    const images = await pictures(["a.png"]);
    const store = await open(images, { maxKeptBytes: 0 });
    await rm(images[0]!.file);
    store.prefetch([0]);
    await expect(store.pixels(0)).rejects.toMatchObject({ reason: "image-invalid" });
  });
});
