import path from "node:path";
import { z } from "zod";
import { resizeBicubic } from "./bicubic-resize.ts";
import { decodeImage } from "./image-file.ts";
import { readJsonFile } from "../files/json-file.ts";

const MAX_CONFIG_BYTES = 2 ** 20;
const MAX_SIDE = 4096;
const LEVELS = 256;
const CHANNELS = 3;
const PIL_BICUBIC = 3;

const side = z.number().int().positive().max(MAX_SIDE);
const perChannel = z.tuple([z.number(), z.number(), z.number()]);
const on = z.literal(true).default(true);

/** `preprocessor_config.json`; absent values are those of Hugging Face's BlipImageProcessor. */
const PreprocessorFile = z.object({
  /**
   * Ours, which Hugging Face ignores: part of the model's identity, and kept in its checkpoints, so
   * that a model is always shown pictures as it was in training.
   */
  apply_exif_orientation: z.boolean().default(false),
  do_resize: on,
  do_rescale: on,
  do_normalize: on,
  do_convert_rgb: on,
  size: z
    .union([
      z.object({ height: side, width: side }),
      side.transform((size) => ({ height: size, width: size })),
    ])
    .default({ height: 384, width: 384 }),
  resample: z.literal(PIL_BICUBIC, { error: "only 3 (bicubic) is supported" }).default(PIL_BICUBIC),
  rescale_factor: z
    .number()
    .positive()
    .default(1 / 255),
  image_mean: perChannel.default([0.48145466, 0.4578275, 0.40821073]),
  image_std: perChannel.default([0.26862954, 0.26130258, 0.27577711]),
});

/** How a model takes its pictures. */
export interface Preprocessor {
  /** Whether pictures are turned as their EXIF orientation says. */
  applyExif: boolean;
  height: number;
  width: number;
  /** The float32 value of each level of each channel. */
  values: readonly Float32Array[];
}

/**
 * Reads a model folder's `preprocessor_config.json`. Throws Failure `model-missing`, or
 * `model-invalid` where it asks for something not done here.
 */
export async function readPreprocessor(directory: string): Promise<Preprocessor> {
  const parsed = await readJsonFile({
    file: path.join(directory, "preprocessor_config.json"),
    schema: PreprocessorFile,
    maxBytes: MAX_CONFIG_BYTES,
    missing: "model-missing",
    invalid: "model-invalid",
    remedy: "use the preprocessor_config.json of a BLIP model",
  });
  const { apply_exif_orientation: applyExif, rescale_factor, image_mean, image_std } = parsed;
  const values = image_mean.map((mean, channel) =>
    Float32Array.from({ length: LEVELS }, (_, level) => {
      // The reference works in float32: each operation rounds.
      const centred = Math.fround(Math.fround(level * rescale_factor) - Math.fround(mean));
      return centred / Math.fround(image_std[channel]!);
    }),
  );
  return { applyExif, ...parsed.size, values };
}

/**
 * A picture as the model sees it: RGB uint8 [H, W, 3], stretched to the model's square as Pillow
 * does. Throws Failure `image-invalid` with the file and its problem.
 */
export async function loadImage(file: string, preprocessor: Preprocessor): Promise<Uint8Array> {
  const picture = await decodeImage(file, preprocessor);
  return resizeBicubic(picture, preprocessor.width, preprocessor.height).data;
}

/** Pixels of B loaded images as the float32 values [B, H, W, 3] that the model takes. */
export function normalise(
  images: readonly Uint8Array[],
  { height, width, values }: Preprocessor,
): Float32Array {
  const size = height * width * CHANNELS;
  const result = new Float32Array(images.length * size);
  for (const [index, image] of images.entries()) {
    if (image.length !== size) throw new Error(`image of ${image.length} bytes, not ${size}`);
    for (let at = 0; at < size; at += 1) {
      result[index * size + at] = values[at % CHANNELS]![image[at]!]!;
    }
  }
  return result;
}
