import { mkdir, writeFile } from "node:fs/promises";
import path from "node:path";
import sharp from "sharp";

const WIDTH = 640;
const HEIGHT = 480;
const CHANNELS = 3;
const JPEG_QUALITY = 90;
const MULTIPLIER = 1_103_515_245;
const INCREMENT = 12_345;

/**
 * Draws pictures of waves under noise, about as hard to decode as photos, the same in every run.
 */
export async function drawPictures(
  folder: string,
  counts: { jpeg: number; png: number },
): Promise<void> {
  await mkdir(folder, { recursive: true });
  for (let index = 0; index < counts.jpeg + counts.png; index += 1) {
    const raw = { width: WIDTH, height: HEIGHT, channels: CHANNELS } as const;
    const picture = sharp(pixels(index), { raw });
    const isJpeg = index < counts.jpeg;
    const encoded = isJpeg ? picture.jpeg({ quality: JPEG_QUALITY }) : picture.png();
    await encoded.toFile(path.join(folder, `${index}.${isJpeg ? "jpg" : "png"}`));
  }
}

function pixels(index: number): Buffer {
  const data = Buffer.alloc(WIDTH * HEIGHT * CHANNELS);
  let noise = index + 1;
  for (let at = 0; at < data.length; at += 1) {
    noise = (Math.imul(noise, MULTIPLIER) + INCREMENT) >>> 0;
    const x = Math.floor(at / CHANNELS) % WIDTH;
    const y = Math.floor(at / CHANNELS / WIDTH);
    const phase = index + (at % CHANNELS);
    const wave = Math.sin((x + phase) / (20 + index)) + Math.cos((y * phase) / 90);
    data[at] = 128 + 50 * wave + (noise >>> 28);
  }
  return data;
}

/** `preprocessor_config.json` as BLIP's, for squares of `side` pixels. */
export async function writePreprocessor(folder: string, side: number): Promise<void> {
  const config = {
    do_resize: true,
    do_rescale: true,
    do_normalize: true,
    size: { height: side, width: side },
    resample: 3,
    image_mean: [0.48145466, 0.4578275, 0.40821073],
    image_std: [0.26862954, 0.26130258, 0.27577711],
  };
  await writeFile(path.join(folder, "preprocessor_config.json"), JSON.stringify(config));
}
