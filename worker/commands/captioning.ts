import { existsSync } from "node:fs";
import path from "node:path";
import { Failure } from "../contract/failure.ts";
import { CaptionTokenizer } from "../data/caption-tokenizer.ts";
import { type BadImage, ImageStore } from "../data/image-store.ts";
import { type Preprocessor, readPreprocessor } from "../data/image-transform.ts";
import { holdsAdapter } from "../model/adapter-files.ts";
import type { FoundCaption } from "../model/caption-search.ts";
import { CaptionSearcher } from "../model/caption-searcher.ts";
import type { ImageInput } from "../model/trainable.ts";
import { openCaptioner } from "../model/open-captioner.ts";
import { loadEngine } from "../tensor/backend.ts";
import { openRunner } from "../tensor/open-runner.ts";
import { disposeInput, type ImageSource, pixelSource } from "../train/image-source.ts";
import type { CaptioningOptions } from "./captioning-options.ts";
import { engineLine } from "./engine-process.ts";

/** What is decoded at a time, in images and in beams of all of them: bounds memory. */
const BATCH_IMAGES = 16;
const BATCH_BEAMS = 48;
const SECONDS_BETWEEN_LINES = 10;
const BAD_IMAGES_NAMED = 3;

/** An image's best caption. */
export interface Captioned<Image> {
  image: Image;
  /** bos, the prompt, the new ids, and [SEP] if reached. */
  ids: number[];
  /** The text of the ids, the prompt's too. */
  caption: string;
}

/**
 * Captions images, in their order, with the installed engine. All are decoded before the first is
 * captioned; captions do not depend on what other images there are. Throws Failure `image-invalid`
 * if any cannot be read, what loading a model throws, and `usage` for a prompt that is too long.
 */
export async function captionImages<Image extends { file: string }>(
  images: readonly Image[],
  options: CaptioningOptions,
  progress: (line: string) => void,
): Promise<Captioned<Image>[]> {
  const { model: directory, adapter } = options;
  checkFolders(options);
  const preprocessor = await readPreprocessor(directory);
  const tokenizer = await CaptionTokenizer.load(directory);
  progress(engineLine(await loadEngine()));
  const captioner = await openCaptioner({
    directory,
    init: "pretrained",
    seed: 0,
    method: "untuned",
    ...(adapter !== undefined && { trainedFrom: adapter }),
  });
  const runner = openRunner(captioner);
  try {
    const searcher = new CaptionSearcher(captioner, runner);
    const search = searchWith(searcher, { tokenizer, positions: captioner.maxPositions, options });
    const source = pixelSource(await openAll(images, preprocessor), preprocessor);
    const captioned: Captioned<Image>[] = [];
    const tell = tellNow(images.length, progress);
    const size = Math.min(BATCH_IMAGES, Math.ceil(BATCH_BEAMS / options.numBeams));
    for await (const found of foundCaptions(source, size, search)) {
      for (const { ids } of found) {
        const image = images[captioned.length]!;
        captioned.push({ image, ids, caption: tokenizer.decode(ids) });
      }
      tell(captioned.length);
    }
    return captioned;
  } finally {
    runner.dispose();
    captioner.dispose();
  }
}

type Search = (images: ImageInput) => Promise<FoundCaption[][]>;

/** The best caption of each image, batch by batch; the next images are decoded meanwhile. */
async function* foundCaptions<Image extends { file: string }>(
  source: ImageSource<Image>,
  size: number,
  search: Search,
): AsyncGenerator<FoundCaption[]> {
  const indices = source.images.map((_, index) => index);
  for (let done = 0; done < indices.length; done += size) {
    const input = await source.input(indices.slice(done, done + size));
    source.prefetch(indices.slice(done + size, done + 2 * size));
    const found = await search(input);
    disposeInput(input);
    yield found.map(([best]) => best!);
  }
}

function searchWith(
  searcher: CaptionSearcher,
  inputs: { tokenizer: CaptionTokenizer; positions: number; options: CaptioningOptions },
): Search {
  const { tokenizer, positions, options } = inputs;
  const prompt = promptIds(tokenizer, options.prompt ?? "");
  const room = positions - 1 - prompt.length;
  if (room < 1) {
    throw new Failure({
      reason: "usage",
      message: `--prompt has ${prompt.length} tokens; the model takes ${positions} in all`,
      remedy: "give a shorter prompt",
    });
  }
  const { numBeams, minLength, repetitionPenalty } = options;
  const maxLength = 1 + prompt.length + Math.min(options.maxNewTokens, room);
  const request = { numBeams, maxLength, minLength, repetitionPenalty };
  return (input) => searcher.search(input, prompt, request);
}

/** A prompt's tokens without [CLS] and [SEP], as the reference hands them to the decoder. */
function promptIds(tokenizer: CaptionTokenizer, prompt: string): number[] {
  return tokenizer.encode(prompt, Infinity).slice(1, -1);
}

/** Throws Failure `model-invalid` where a folder is not what its option says. */
function checkFolders({ model, adapter }: CaptioningOptions): void {
  if (holdsAdapter(model) && !existsSync(path.join(model, "config.json"))) {
    throw new Failure({
      reason: "model-invalid",
      message: `${model} holds an adapter, not a whole model`,
      remedy: "give it with --adapter, and with --model the model that it was trained on",
    });
  }
  if (adapter !== undefined && !holdsAdapter(adapter)) {
    throw new Failure({
      reason: "model-invalid",
      message: `${adapter} holds no adapter: it has no adapter_config.json`,
      remedy: "give a folder as PEFT writes it, or a whole model with --model alone",
    });
  }
}

async function openAll<Image extends { file: string }>(
  images: readonly Image[],
  preprocessor: Preprocessor,
): Promise<ImageStore<Image>> {
  const bad: BadImage[] = [];
  const onBadImage = (one: BadImage): void => void bad.push(one);
  const opening = ImageStore.open({
    images,
    preprocessor,
    maxBadImages: images.length,
    onBadImage,
  });
  const store = await opening.catch((error: unknown) => {
    throw bad.length > 0 ? unreadable(bad) : error;
  });
  if (bad.length > 0) throw unreadable(bad);
  return store;
}

function unreadable(bad: readonly BadImage[]): Failure {
  const named = bad.slice(0, BAD_IMAGES_NAMED).map(({ file, problem }) => `${file}: ${problem}`);
  const more = bad.length > named.length ? [`and ${bad.length - named.length} more`] : [];
  return new Failure({
    reason: "image-invalid",
    message: [...named, ...more].join("; "),
    remedy: "replace them with readable JPEG, PNG, WebP, GIF or TIFF files, or leave them out",
  });
}

/** Tells how many images are done, seldom enough to be read; of one batch nothing. */
function tellNow(images: number, progress: (line: string) => void): (done: number) => void {
  const began = performance.now();
  let next = began + 1000 * SECONDS_BETWEEN_LINES;
  return (done) => {
    const now = performance.now();
    if (now < next) return;
    next = now + 1000 * SECONDS_BETWEEN_LINES;
    const seconds = Math.round(((now - began) / 1000 / done) * (images - done));
    progress(`captioned ${done} of ${images} images, about ${seconds} s left`);
  };
}
