import { stat } from "node:fs/promises";
import sharp, { type Metadata, type Sharp } from "sharp";
import { Failure } from "../contract/failure.ts";
import type { Raster } from "./bicubic-resize.ts";

/** Pillow's own bound (`DecompressionBombError`): a larger picture is refused before decoding. */
const MAX_PIXELS = 178_956_970;
const FORMATS = new Set<string>(["jpeg", "png", "webp", "gif", "tiff"]);
const RGB_CHANNELS = 3;
const CMYK_CHANNELS = 4;
const WHITE = 255;

export interface DecodeImageOptions {
  /** Whether the picture is turned as its EXIF orientation says; not by default, as in Pillow. */
  applyExif?: boolean;
}

/**
 * Decodes a picture to RGB as Pillow's `convert("RGB")` does: alpha and palette transparency are
 * dropped, not blended; colour profiles are not applied; the first frame of an animation is taken;
 * 16-bit channels lose their low byte, but 16-bit grey clips at 255. Throws Failure
 * `image-invalid`, its message the file, a colon and the problem.
 */
export async function decodeImage(
  file: string,
  { applyExif = false }: DecodeImageOptions = {},
): Promise<Raster> {
  await refuseIrregular(file);
  try {
    const metadata = await sharp(file, { limitInputPixels: false }).metadata();
    refuseUnsupported(metadata);
    const picture = sharp(file, { ignoreIcc: true, failOn: "error", limitInputPixels: MAX_PIXELS });
    return await rgb(applyExif ? picture.autoOrient() : picture, metadata);
  } catch (error) {
    throw invalid(file, asOneLine(error), error);
  }
}

/** A pipe or device would block for ever, and the decoder's own words for these are poor. */
async function refuseIrregular(file: string): Promise<void> {
  const found = await stat(file).catch(() => null);
  if (found === null) throw invalid(file, "the file does not exist");
  if (!found.isFile()) throw invalid(file, "not a regular file");
  if (found.size === 0) throw invalid(file, "the file is empty (0 bytes)");
}

function refuseUnsupported({ format, width, height }: Metadata): void {
  if (!FORMATS.has(format)) throw new Error(`${format} is not a supported image format`);
  if (width * height > MAX_PIXELS) {
    throw new Error(`${width} x ${height} pixels, more than ${MAX_PIXELS}`);
  }
}

async function rgb(picture: Sharp, { space, depth, hasAlpha }: Metadata): Promise<Raster> {
  if (space === "cmyk") {
    const inks = picture.pipelineColourspace("cmyk").toColourspace("cmyk");
    return withoutInks(await raster(inks));
  }
  if (space === "grey16" && !hasAlpha) return withoutDepth(picture);
  if (depth !== "uchar" && depth !== "ushort") throw new Error(`${depth} pixels are not supported`);
  return asRgb(await raster(picture));
}

async function raster(picture: Sharp): Promise<Raster> {
  const { data, info } = await picture.raw().toBuffer({ resolveWithObject: true });
  return { width: info.width, height: info.height, channels: info.channels, data };
}

/** Keeps the first three channels; one grey channel becomes three. */
function asRgb(source: Raster): Raster {
  const { width, height, channels, data } = source;
  if (channels === RGB_CHANNELS) return source;
  return fromPixels(width, height, (pixel, channel) =>
    channels > RGB_CHANNELS ? data[pixel * channels + channel]! : data[pixel * channels]!,
  );
}

/** Pillow's `cmyk2rgb`: (255 - K) less C, M or Y scaled by it, in 8-bit fixed point. */
function withoutInks({ width, height, data }: Raster): Raster {
  return fromPixels(width, height, (pixel, channel) => {
    const light = WHITE - data[pixel * CMYK_CHANNELS + RGB_CHANNELS]!;
    const scaled = data[pixel * CMYK_CHANNELS + channel]! * light + 128;
    return Math.max(light - ((scaled + (scaled >> 8)) >> 8), 0);
  });
}

async function withoutDepth(picture: Sharp): Promise<Raster> {
  const { data, info } = await picture
    .toColourspace("grey16")
    .raw({ depth: "ushort" })
    .toBuffer({ resolveWithObject: true });
  const values = new Uint16Array(data.buffer, data.byteOffset, data.length / 2);
  return fromPixels(info.width, info.height, (pixel) =>
    Math.min(values[pixel * info.channels]!, WHITE),
  );
}

function fromPixels(
  width: number,
  height: number,
  value: (pixel: number, channel: number) => number,
): Raster {
  const data = new Uint8Array(width * height * RGB_CHANNELS);
  for (let pixel = 0, out = 0; pixel < width * height; pixel += 1) {
    for (let channel = 0; channel < RGB_CHANNELS; channel += 1, out += 1) {
      data[out] = value(pixel, channel);
    }
  }
  return { width, height, channels: RGB_CHANNELS, data };
}

/** What is wrong with a file that `decodeImage` refused, without its name. */
export function imageProblem(file: string, { message }: Failure): string {
  return message.slice(`${file}: `.length);
}

function asOneLine(error: unknown): string {
  const text = error instanceof Error ? error.message : String(error);
  return text.replaceAll(/\s+/g, " ").trim();
}

function invalid(file: string, problem: string, cause?: unknown): Failure {
  return new Failure({
    reason: "image-invalid",
    message: `${file}: ${problem}`,
    remedy: "replace the file with a readable JPEG, PNG, WebP, GIF or TIFF, or take it out",
    cause,
  });
}
