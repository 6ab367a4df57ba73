import { Failure } from "../contract/failure.ts";
import { imageProblem } from "./image-file.ts";
import { loadImage, type Preprocessor } from "./image-transform.ts";

/** Pixels kept in memory unless told otherwise; images beyond it are decoded again when needed. */
const MAX_KEPT_BYTES = 2 ** 30;
/**
 * Decodes under way at a time: enough to keep libvips' threads busy, few enough to bound memory.
 */
const DECODES_AHEAD = 4;
const BAD_IMAGES_NAMED = 3;

export interface BadImage {
  file: string;
  problem: string;
}

export interface ImageStoreOptions<Image> {
  images: readonly Image[];
  preprocessor: Preprocessor;
  /** More bad images than this fail the whole store. */
  maxBadImages: number;
  /** Told of each missing or unreadable image, in the images' order. */
  onBadImage: (bad: BadImage) => void;
  maxKeptBytes?: number;
}

/**
 * The images of a split as the model sees them. Every image is decoded once when the store opens,
 * so what can be used is known, and the same, before the first step; the resized pixels stay in
 * memory up to `maxKeptBytes`.
 */
export class ImageStore<Image extends { file: string }> {
  /** The readable images, in their order; indices below refer to it. */
  readonly images: readonly Image[];
  readonly #kept: readonly (Uint8Array | null)[];
  readonly #preprocessor: Preprocessor;
  readonly #ahead = new Map<number, Promise<Uint8Array>>();

  private constructor(
    preprocessor: Preprocessor,
    readable: readonly { image: Image; kept: Uint8Array | null }[],
  ) {
    this.#preprocessor = preprocessor;
    this.images = readable.map(({ image }) => image);
    this.#kept = readable.map(({ kept }) => kept);
  }

  /** Throws Failure `data-invalid` with more bad images than the limit, or with no good one. */
  static async open<Image extends { file: string }>(
    options: ImageStoreOptions<Image>,
  ): Promise<ImageStore<Image>> {
    const { images, preprocessor, maxBadImages, onBadImage } = options;
    const maxKeptBytes = options.maxKeptBytes ?? MAX_KEPT_BYTES;
    const readable: { image: Image; kept: Uint8Array | null }[] = [];
    const bad: BadImage[] = [];
    let keptBytes = 0;
    for await (const { image, result } of decodeInOrder(images, preprocessor)) {
      if (result instanceof Failure) {
        bad.push({ file: image.file, problem: imageProblem(image.file, result) });
        onBadImage(bad[bad.length - 1]!);
        if (bad.length > maxBadImages) throw tooManyBad(bad, maxBadImages);
        continue;
      }
      const fits = keptBytes + result.length <= maxKeptBytes;
      if (fits) keptBytes += result.length;
      readable.push({ image, kept: fits ? result : null });
    }
    if (readable.length === 0) throw noneReadable(images.length);
    return new ImageStore(preprocessor, readable);
  }

  /** Resized pixels, uint8 [H, W, 3]. Throws Failure `image-invalid` if the file went bad since. */
  async pixels(index: number): Promise<Uint8Array> {
    const kept = this.#kept[index];
    if (kept === undefined) throw new Error(`no image ${index} of ${this.images.length}`);
    if (kept !== null) return kept;
    const decoding = this.#ahead.get(index) ?? this.#decode(index);
    this.#ahead.delete(index);
    return decoding;
  }

  /** Starts decoding the first few of these images that are not in memory, for `pixels` to take. */
  prefetch(indices: readonly number[]): void {
    for (const index of indices) {
      if (this.#ahead.size >= DECODES_AHEAD) return;
      if (this.#kept[index] !== null || this.#ahead.has(index)) continue;
      const decoding = this.#decode(index);
      // Its error belongs to whoever takes it.
      decoding.catch(() => {});
      this.#ahead.set(index, decoding);
    }
  }

  #decode(index: number): Promise<Uint8Array> {
    return loadImage(this.images[index]!.file, this.#preprocessor);
  }
}

/** Decodes a few at a time, and yields in order whatever finishes first. */
async function* decodeInOrder<Image extends { file: string }>(
  images: readonly Image[],
  preprocessor: Preprocessor,
): AsyncGenerator<{ image: Image; result: Uint8Array | Failure }> {
  const decode = (image: Image): Promise<Uint8Array | Failure> =>
    loadImage(image.file, preprocessor).catch((error: unknown) => {
      if (error instanceof Failure && error.reason === "image-invalid") return error;
      throw error;
    });
  const underWay = images.slice(0, DECODES_AHEAD).map(decode);
  for (const [index, image] of images.entries()) {
    const result = await underWay[index % DECODES_AHEAD]!;
    const next = images[index + DECODES_AHEAD];
    if (next !== undefined) underWay[index % DECODES_AHEAD] = decode(next);
    yield { image, result };
  }
}

function tooManyBad(bad: readonly BadImage[], limit: number): Failure {
  const named = bad.slice(0, BAD_IMAGES_NAMED).map(({ file, problem }) => `${file} (${problem})`);
  return new Failure({
    reason: "data-invalid",
    message: `more than ${limit} images cannot be read, first: ${named.join(", ")}`,
    remedy: "restore these files, or raise dataset.max_bad_images",
  });
}

function noneReadable(count: number): Failure {
  return new Failure({
    reason: "data-invalid",
    message: `none of the split's ${count} images can be used`,
    remedy: "check dataset.root and the captions' precanned and rejected settings",
  });
}
