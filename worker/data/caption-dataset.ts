import path from "node:path";
import { z } from "zod";
import { Failure } from "../contract/failure.ts";
import { readJsonFile } from "../files/json-file.ts";
import {
  droppingMark,
  ImageId,
  MarkedCaptionEntry,
  type MarkPolicy,
  MAX_CAPTION_FILE_BYTES,
} from "./caption-entries.ts";

const SPLIT_NAME = /^[A-Za-z0-9][A-Za-z0-9._-]*$/;
const REMEDY = "give a data set in the layout of VizWiz-Captions";

const ImageEntry = z.object({
  id: ImageId,
  file_name: z.string().min(1).max(1024).refine(staysInside, {
    error: "must be a path inside the split's folder",
  }),
});
const AnnotationEntry = MarkedCaptionEntry.extend({ id: z.number().int().nonnegative() });
type AnnotationEntry = z.infer<typeof AnnotationEntry>;

const AnnotationFile = z.object({
  images: z.array(ImageEntry).min(1),
  /** Absent from a test split. */
  annotations: z.array(AnnotationEntry).optional(),
});
type AnnotationFile = z.infer<typeof AnnotationFile>;

/** An image of a split. */
export interface ImageFile {
  id: number;
  /** Absolute path. */
  file: string;
}

export interface SplitImage extends ImageFile {
  captions: string[];
}

export interface Split {
  split: string;
  /** By ascending id. */
  images: SplitImage[];
  /**
   * What was left out: captions by why (the first that holds), and images left without captions.
   */
  dropped: { precanned: number; rejected: number; empty: number; images: number };
}

/** Where a split is. */
export interface SplitPlace {
  /** Folder with `annotations/<split>.json` and the images in `<split>/`. */
  root: string;
  split: string;
}

export interface SplitOptions extends SplitPlace, MarkPolicy {}

/**
 * Reads a split in the layout of VizWiz-Captions. Captions come in the order of their file; blank
 * ones, and marked ones as `precanned` and `rejected` say, are dropped. A split without annotations
 * keeps all images, with no captions. The image files themselves are not looked at. Throws Failure
 * `data-missing`, or `data-invalid` naming what is wrong in the file.
 */
export async function readSplit(options: SplitOptions): Promise<Split> {
  const { split } = options;
  const parsed = await readAnnotations(options);
  const images = imagesOf(parsed, options).map((image) => ({
    ...image,
    captions: new Array<string>(),
  }));
  const { annotations } = parsed;
  if (annotations === undefined) {
    return { split, images, dropped: { precanned: 0, rejected: 0, empty: 0, images: 0 } };
  }
  const dropped = addCaptions(images, annotations, options);
  const captioned = images.filter(({ captions }) => captions.length > 0);
  return {
    split,
    images: captioned,
    dropped: { ...dropped, images: images.length - captioned.length },
  };
}

/** All images of a split by ascending id, captioned or not; with the same failures. */
export async function readSplitImages(place: SplitPlace): Promise<ImageFile[]> {
  return imagesOf(await readAnnotations(place), place);
}

async function readAnnotations({ root, split }: SplitPlace): Promise<AnnotationFile> {
  if (!SPLIT_NAME.test(split)) {
    throw invalid(`"${split}" cannot be the name of a split`, "name a file of annotations/");
  }
  const file = annotationFile(root, split);
  const parsed = await readJsonFile({
    file,
    schema: AnnotationFile,
    maxBytes: MAX_CAPTION_FILE_BYTES,
    missing: "data-missing",
    invalid: "data-invalid",
    remedy: "set dataset.root to a folder that holds annotations/<split>.json in VizWiz's layout",
  });
  refuseContradictions(parsed, file);
  return parsed;
}

function imagesOf({ images }: AnnotationFile, { root, split }: SplitPlace): ImageFile[] {
  return images
    .map(({ id, file_name }) => ({ id, file: path.resolve(root, split, file_name) }))
    .toSorted((one, other) => one.id - other.id);
}

/** Where a split's captions stand. */
export function annotationFile(root: string, split: string): string {
  return path.join(root, "annotations", `${split}.json`);
}

function addCaptions(
  images: readonly SplitImage[],
  annotations: readonly AnnotationEntry[],
  policy: MarkPolicy,
): Omit<Split["dropped"], "images"> {
  const byId = new Map(images.map((image) => [image.id, image]));
  const dropped = { precanned: 0, rejected: 0, empty: 0 };
  for (const annotation of annotations) {
    const mark = droppingMark(annotation, policy);
    if (mark !== null) dropped[mark] += 1;
    else if (annotation.caption.trim() === "") dropped.empty += 1;
    else byId.get(annotation.image_id)!.captions.push(annotation.caption);
  }
  return dropped;
}

function refuseContradictions({ images, annotations = [] }: AnnotationFile, file: string): void {
  refuseDuplicates(images, `${file}: images`);
  refuseDuplicates(annotations, `${file}: annotations`);
  const known = new Set(images.map((image) => image.id));
  const stray = annotations.find(({ image_id }) => !known.has(image_id));
  if (stray !== undefined) {
    throw invalid(`${file}: annotation ${stray.id} is of the unknown image ${stray.image_id}`);
  }
}

function refuseDuplicates(entries: readonly { id: number }[], where: string): void {
  const seen = new Set<number>();
  for (const entry of entries) {
    if (seen.has(entry.id)) throw invalid(`${where} holds the id ${entry.id} twice`);
    seen.add(entry.id);
  }
}

function staysInside(name: string): boolean {
  const parts = name.split(/[/\\]/);
  return !path.isAbsolute(name) && !parts.includes("..") && !name.includes("\0");
}

function invalid(message: string, remedy = REMEDY): Failure {
  return new Failure({ reason: "data-invalid", message, remedy });
}
