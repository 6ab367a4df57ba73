import { createHash, randomBytes } from "node:crypto";
import { mkdir, readdir, rename, rm, writeFile } from "node:fs/promises";
import path from "node:path";
import sharp from "sharp";
import { z } from "zod";
import { Failure } from "../contract/failure.ts";
import type { Raster } from "./bicubic-resize.ts";
import { annotationFile } from "./caption-dataset.ts";
import { loneCaptions, pairCaptions } from "./demo-captions.ts";
import { paintPicture } from "./demo-picture.ts";
import { DemoRandom } from "./demo-random.ts";
import { drawLone, drawPair } from "./demo-scene.ts";
import { readJsonFile } from "../files/json-file.ts";

/** Raised whenever equal options would draw other pictures or captions. */
const DRAWING_VERSION = 1;
const STAMP = "demo-set.json";
const MAX_STAMP_BYTES = 2 ** 16;
const MAX_IMAGES = 100_000;

const count = z.number().int().min(1).max(MAX_IMAGES);

/** What determines a demo set, down to its pixels. */
export const DemoSetOptions = z.strictObject({
  seed: z.number().int().min(0),
  /** Images of each split. */
  train: count,
  val: count,
  /** `scenes`: two objects in a relation; `simple`: one object in plain words, for pretraining. */
  domain: z.enum(["scenes", "simple"]),
});
export type DemoSetOptions = z.infer<typeof DemoSetOptions>;

/** Written last: a folder without it is no finished demo set. */
const Stamp = z.strictObject({
  drawing: z.literal(DRAWING_VERSION),
  options: DemoSetOptions,
  /** SHA-256 over all captions and pixels. */
  digest: z.string(),
});

const SPLITS = ["train", "val"] as const;

/**
 * Draws a captioned data set in the layout of VizWiz-Captions into a new folder. Validation scenes
 * hold shape-colour-relation combinations that training lacks. The folder appears whole or not at
 * all; one that already holds this set is left alone. Throws Failure `data-invalid` where something
 * else is.
 */
export async function writeDemoSet(directory: string, options: DemoSetOptions): Promise<void> {
  if (await alreadyHolds(directory, options)) return;
  const target = path.resolve(directory);
  await mkdir(path.dirname(target), { recursive: true });
  const drawn = `${target}.drawing-${randomBytes(4).toString("hex")}`;
  await mkdir(drawn);
  try {
    await drawSet(drawn, options);
    await rename(drawn, target);
  } catch (error) {
    await rm(drawn, { recursive: true, force: true });
    // Another process may have finished the same set meanwhile.
    if (!(await alreadyHolds(directory, options))) throw error;
  }
}

async function alreadyHolds(directory: string, options: DemoSetOptions): Promise<boolean> {
  const entries = await readdir(directory).catch(() => []);
  if (entries.length === 0) return false;
  const refusal = { missing: "data-invalid", invalid: "data-invalid" } as const;
  const remedy = "name another folder, or remove this one";
  const file = path.join(directory, STAMP);
  const stamp = await readJsonFile({
    file,
    schema: Stamp,
    maxBytes: MAX_STAMP_BYTES,
    ...refusal,
    remedy,
  });
  const keys = ["seed", "train", "val", "domain"] as const;
  const different = keys.filter((key) => stamp.options[key] !== options[key]);
  if (different.length === 0) return true;
  const differences = different.map((key) => `${key} ${stamp.options[key]}, not ${options[key]}`);
  throw new Failure({
    reason: "data-invalid",
    message: `${directory} holds a demo set with ${differences.join(", ")}`,
    remedy,
  });
}

async function drawSet(directory: string, options: DemoSetOptions): Promise<void> {
  await mkdir(path.join(directory, "annotations"));
  const digest = createHash("sha256");
  let firstId = 0;
  for (const split of SPLITS) {
    await mkdir(path.join(directory, split));
    const images = [];
    const annotations = [];
    for (let id = firstId; id < firstId + options[split]; id += 1) {
      const { picture, captions } = drawExample(options, split, id);
      const file_name = `${split}_${String(id).padStart(8, "0")}.png`;
      await writePng(path.join(directory, split, file_name), picture);
      digest.update(picture.data);
      images.push({ id, file_name, text_detected: false });
      for (const caption of captions) {
        const flags = { is_precanned: false, is_rejected: false, text_detected: false };
        annotations.push({ id: annotations.length, image_id: id, caption, ...flags });
      }
    }
    const info = { description: "Scenes drawn by qsweep", ...options };
    const text = `${JSON.stringify({ info, images, annotations })}\n`;
    digest.update(text);
    await writeFile(annotationFile(directory, split), text);
    firstId += options[split];
  }
  const stamp = { drawing: DRAWING_VERSION, options, digest: digest.digest("hex") };
  await writeFile(path.join(directory, STAMP), `${JSON.stringify(stamp, null, 2)}\n`);
}

/** An image and its captions: fixed by the seed, the domain and the id. */
function drawExample(
  { seed, domain }: DemoSetOptions,
  split: (typeof SPLITS)[number],
  id: number,
): { picture: Raster; captions: string[] } {
  const random = new DemoRandom(`demo/${DRAWING_VERSION}/${seed}/${domain}/${split}/${id}`);
  if (domain === "simple") {
    const lone = drawLone(random);
    const picture = paintPicture(lone.background, [lone.object]);
    return { picture, captions: loneCaptions(random, lone) };
  }
  const scene = drawPair(random, split === "train" ? "training" : "validation");
  const picture = paintPicture(scene.background, [scene.subject, scene.other]);
  return { picture, captions: pairCaptions(random, scene) };
}

async function writePng(file: string, { data, width, height }: Raster): Promise<void> {
  await sharp(data, { raw: { width, height, channels: 3 } })
    .png()
    .toFile(file);
}
