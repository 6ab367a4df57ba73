import path from "node:path";
import { z } from "zod";
import { readJsonFile } from "./json-file.ts";

const MAX_CONFIG_BYTES = 2 ** 20;
/** As for reading captions: VizWiz's own training file has 43 MB. */
const MAX_ANNOTATION_BYTES = 2 ** 28;

const count = z.number().int().positive();

/** What determines the size of a BLIP encoder's outputs; the defaults are Hugging Face's. */
const VisionSizes = z
  .object({
    hidden_size: count.default(768),
    image_size: count.default(384),
    patch_size: count.default(16),
  })
  .prefault({});
const SizedConfig = z.object({ vision_config: VisionSizes });

/**
 * What a BLIP model's encoder makes of one image: positions and channels. Throws Failure
 * `model-missing`, or `model-invalid`.
 */
export async function encodedShape(directory: string): Promise<[number, number]> {
  const { vision_config } = await readJsonFile({
    file: path.join(directory, "config.json"),
    schema: SizedConfig,
    maxBytes: MAX_CONFIG_BYTES,
    missing: "model-missing",
    invalid: "model-invalid",
    remedy: "give a BLIP model in the Hugging Face layout",
  });
  const { hidden_size, image_size, patch_size } = vision_config;
  return [1 + (image_size / patch_size) ** 2, hidden_size];
}

const ListedImages = z.object({ images: z.array(z.object({ id: z.number() })).default([]) });

/** How many images the annotations of these splits list. Throws as `readJsonFile` does. */
export async function countImages({
  root,
  splits,
}: {
  root: string;
  splits: readonly string[];
}): Promise<number> {
  let images = 0;
  for (const split of splits) {
    const listed = await readJsonFile({
      file: path.join(root, "annotations", `${split}.json`),
      schema: ListedImages,
      maxBytes: MAX_ANNOTATION_BYTES,
      missing: "data-missing",
      invalid: "data-invalid",
      remedy: "give the annotations of VizWiz-Captions or COCO",
    });
    images += listed.images.length;
  }
  return images;
}
