import { readFileSync } from "node:fs";
import { mkdtemp, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import path from "node:path";
import { afterAll, beforeAll, describe, expect, it, test } from "vitest";
import { resizeBicubic } from "../../worker/data/bicubic-resize.ts";
import { decodeImage } from "../../worker/data/image-file.ts";
import { loadImage, normalise, readPreprocessor } from "../../worker/data/image-transform.ts";
import { readSafetensors } from "../../worker/tensor/safetensors.ts";
import { storedValues } from "../worker/tensor/stored-values.ts";
import { fixturePath } from "./fixtures.ts";

interface ImagesFixture {
  image_mean: number[];
  image_std: number[];
  rescale_factor: number;
  files: Record<string, { pil_mode: string; width: number; height: number }>;
}

const folder = fixturePath("images");
const fixture: ImagesFixture = JSON.parse(readFileSync(fixturePath("images/images.json"), "utf8"));
/** 16-bit grey depends on the version of Pillow: the fixtures' notes call it informative. */
const files = Object.keys(fixture.files).filter((file) => !isGrey16(file));
const expectations = await readSafetensors(fixturePath("images/expected.safetensors"));
const tensors = await storedValues(expectations.tensors);

const resized = [...tensors.keys()].flatMap((key) => {
  const [, file, size] = /^(.*)\.resized(\d+)$/.exec(key) ?? [];
  return file === undefined || isGrey16(file) ? [] : [{ file, size: Number(size) }];
});
const normalised = [...tensors.keys()].flatMap((key) => {
  const [, file, size, turned] = /^(.*)\.pixel_values(\d+)(_if_exif_applied)?$/.exec(key) ?? [];
  if (file === undefined || isGrey16(file)) return [];
  return [{ key, file, size: Number(size), applyExif: turned !== undefined }];
});

let model: string;
beforeAll(async () => {
  model = await mkdtemp(path.join(tmpdir(), "qsweep-preprocessor-"));
});
afterAll(() => rm(model, { recursive: true }));

test("every tensor of the set is of a listed picture and of a known kind", () => {
  const kinds = /\.(?:decoded|resized\d+|pixel_values\d+(?:_if_exif_applied)?)$/;
  const unknown = [...tensors.keys()].filter((key) => !(key.replace(kinds, "") in fixture.files));
  expect(unknown).toEqual([]);
});

describe("pictures as Pillow and BlipImageProcessor see them", () => {
  it.each(files)("decodes %s to the same bytes", async (file) => {
    const { width, height, data } = await decodeImage(path.join(folder, file));
    const expected = tensors.get(`${file}.decoded`)!;
    expect([height, width, 3]).toEqual(expected.shape);
    expect(largestDifference(data, expected.data)).toBe(0);
  });

  it.each(resized)("resizes the decoded $file to $size", async ({ file, size }) => {
    const decoded = tensors.get(`${file}.decoded`)!;
    const [height, width, channels] = decoded.shape;
    const data = Uint8Array.from(decoded.data);
    const source = { width: width!, height: height!, channels: channels!, data };
    const expected = tensors.get(`${file}.resized${size}`)!;
    expect(largestDifference(resizeBicubic(source, size, size).data, expected.data)).toBe(0);
  });

  it.each(normalised)("gives the $key", async ({ key, file, size, applyExif }) => {
    const preprocessor = await preprocessorOf(size, applyExif);
    const image = await loadImage(path.join(folder, file), preprocessor);
    const expected = tensors.get(key)!;
    const actual = channelsFirst(normalise([image], preprocessor), size);
    expect(largestDifference(actual, expected.data)).toBeLessThanOrEqual(1e-6);
  });
});

function isGrey16(file: string): boolean {
  return fixture.files[file]?.pil_mode.startsWith("I;16") ?? false;
}

async function preprocessorOf(size: number, applyExif: boolean) {
  const { image_mean, image_std, rescale_factor } = fixture;
  const config = {
    size: { height: size, width: size },
    ...(applyExif && { apply_exif_orientation: true }),
    image_mean,
    image_std,
    rescale_factor,
  };
  await writeFile(path.join(model, "preprocessor_config.json"), JSON.stringify(config));
  return readPreprocessor(model);
}

/** [H, W, 3] to the [3, H, W] of the fixtures. */
function channelsFirst(values: Float32Array, size: number): Float32Array {
  const plane = size * size;
  return values.map((_, at) => values[(at % plane) * 3 + Math.floor(at / plane)]!);
}

function largestDifference(actual: ArrayLike<number>, expected: ArrayLike<number>): number {
  expect(actual.length).toBe(expected.length);
  let largest = 0;
  for (let at = 0; at < actual.length; at += 1) {
    const difference = Math.abs(actual[at]! - expected[at]!);
    // A comparison with NaN is false: it must not pass as equal.
    if (!(difference <= largest)) largest = difference;
  }
  return largest;
}
