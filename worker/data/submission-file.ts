import { existsSync, statSync } from "node:fs";
import path from "node:path";
import { z } from "zod";
import { Failure } from "../contract/failure.ts";
import { createFileDurably, writeFileDurably } from "../files/durable-write.ts";
import { errorCode } from "../files/error-code.ts";
import { annotationFile, readSplitImages, type SplitPlace } from "./caption-dataset.ts";
import { CaptionEntry } from "./caption-entries.ts";
import { refuseIds, repeatedIds } from "./image-ids.ts";

const REMEDY = "caption the split again: its file is not the one that was read at the beginning";

/** Where a submission goes. */
export interface SubmissionTarget {
  file: string;
  /** Whether a file of this name may be replaced. */
  replace: boolean;
}

/**
 * Throws Failure `file-invalid` where a submission could not be written or would replace a file, so
 * that nobody learns it after hours of captioning.
 */
export function checkTarget({ file, replace }: SubmissionTarget): void {
  if (!statSync(path.dirname(file), { throwIfNoEntry: false })?.isDirectory()) {
    throw unwritable(`${file}: its folder does not exist`, "make the folder first");
  }
  if (statSync(file, { throwIfNoEntry: false })?.isDirectory()) {
    throw unwritable(`${file} is a folder`, "name a file");
  }
  if (!replace && existsSync(file)) throw taken(file);
}

/**
 * Writes captions as EvalAI takes them, `[{image_id, caption}]`, once the text to be written is
 * seen to hold each image of the split's file exactly once and no other. The file is there whole or
 * not at all. Throws Failure `data-invalid` or `file-invalid`.
 */
export async function writeSubmission(
  captions: readonly z.infer<typeof CaptionEntry>[],
  place: SplitPlace,
  { file, replace }: SubmissionTarget,
): Promise<void> {
  const entries = captions.map(({ image_id, caption }) => ({ image_id, caption }));
  const text = `${JSON.stringify(entries)}\n`;
  await checkSubmission(text, place);
  if (!written(text, { file, replace })) throw taken(file);
}

function written(text: string, { file, replace }: SubmissionTarget): boolean {
  try {
    if (!replace) return createFileDurably(file, text);
    writeFileDurably(file, text);
    return true;
  } catch (error) {
    if (!(error instanceof Error) || errorCode(error) === undefined) throw error;
    const remedy = "name a file in a folder of yours, on a disk with room for it";
    throw unwritable(`${file} could not be written: ${error.message}`, remedy);
  }
}

async function checkSubmission(text: string, place: SplitPlace): Promise<void> {
  const entries = z.array(CaptionEntry).parse(JSON.parse(text));
  const images = await readSplitImages(place);
  const ids = entries.map(({ image_id }) => image_id);
  const file = annotationFile(place.root, place.split);
  const listed = new Set(images.map(({ id }) => id));
  const captioned = new Set(ids);
  refuseIds(repeatedIds(ids), `${file}: image captioned more than once`, REMEDY);
  const unknown = ids.filter((id) => !listed.has(id));
  refuseIds(unknown, `${file}: captioned image not in the file`, REMEDY);
  const missing = [...listed].filter((id) => !captioned.has(id));
  refuseIds(missing, `${file}: image without a caption`, REMEDY);
}

function taken(file: string): Failure {
  return unwritable(`${file} exists`, "name another file, or replace this one with --force");
}

function unwritable(message: string, remedy: string): Failure {
  return new Failure({ reason: "file-invalid", message, remedy });
}
