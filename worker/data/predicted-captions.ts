import { z } from "zod";
import { Failure } from "../contract/failure.ts";
import { readJsonFile } from "../files/json-file.ts";
import {
  CaptionEntry,
  droppingMark,
  ImageId,
  MarkedCaptionEntry,
  type MarkPolicy,
  MAX_CAPTION_FILE_BYTES,
} from "./caption-entries.ts";
import { refuseIds, repeatedIds } from "./image-ids.ts";

const REMEDY = {
  onePrediction: "give exactly one prediction for each image of the references",
  sameImages: "give references and predictions of the same images",
  references: "give a file in the layout of COCO's or VizWiz's annotations",
  predictions: "give a list of {image_id, caption}, as in COCO's results",
  captions: "give references with captions, or keep the marked ones with --keep",
};

/** Compiled: the files have tens of thousands of entries. */
const ReferenceFile = z.compile(
  z.object({
    images: z.array(z.object({ id: ImageId })),
    annotations: z.array(MarkedCaptionEntry),
  }),
);
const PredictionFile = z.compile(z.array(CaptionEntry));

/** An image's prediction and what it is compared with: at least one reference. */
interface PredictedCaption {
  imageId: number;
  prediction: string;
  references: string[];
}

export interface PredictedCaptions {
  /** At least one; in the order of the references' images. */
  images: PredictedCaption[];
  /** Images whose references were all dropped, or that never had one: they cannot be scored. */
  withoutReferences: number;
}

export interface PredictedCaptionsOptions extends MarkPolicy {
  /** File in the layout of COCO's and VizWiz's annotations. */
  references: string;
  /** File in the layout of COCO's results: `[{image_id, caption}]`. */
  predictions: string;
}

/**
 * Reads predictions with their references, each caption as written. Blank references count, as they
 * do in pycocoevalcap. A prediction for an image without references is allowed and left out. Throws
 * Failure `data-missing`, or `data-invalid` where a file is not what it should be, and where images
 * have no prediction, several, or are unknown.
 */
export async function readPredictedCaptions(
  options: PredictedCaptionsOptions,
): Promise<PredictedCaptions> {
  const references = await readReferences(options);
  const predictions = await readPredictions(options.predictions);
  const unknown = [...predictions.keys()].filter((id) => !references.has(id));
  refuseIds(unknown, `${options.predictions}: image not in the references`, REMEDY.sameImages);
  const withReferences = [...references].filter(([, captions]) => captions.length > 0);
  const missing = withReferences.flatMap(([id]) => (predictions.has(id) ? [] : [id]));
  refuseIds(missing, `${options.predictions}: image without prediction`, REMEDY.onePrediction);
  if (withReferences.length === 0) {
    throw invalid(`${options.references}: no image has captions to score with`, REMEDY.captions);
  }
  return {
    images: withReferences.map(([imageId, captions]) => ({
      imageId,
      prediction: predictions.get(imageId)!,
      references: captions,
    })),
    withoutReferences: references.size - withReferences.length,
  };
}

/** Captions that stay, by image; every image of the file is there. */
async function readReferences(options: PredictedCaptionsOptions): Promise<Map<number, string[]>> {
  const file = options.references;
  const { images, annotations } = await readCaptionFile(file, ReferenceFile, REMEDY.references);
  const ids = images.map(({ id }) => id);
  refuseIds(repeatedIds(ids), `${file}: image listed more than once`, REMEDY.references);
  const captions = new Map(ids.map((id) => [id, new Array<string>()]));
  const unlisted = annotations.flatMap(({ image_id: id }) => (captions.has(id) ? [] : [id]));
  refuseIds(unlisted, `${file}: captioned image not listed in images`, REMEDY.references);
  for (const annotation of annotations) {
    if (droppingMark(annotation, options) !== null) continue;
    captions.get(annotation.image_id)!.push(annotation.caption);
  }
  return captions;
}

/** Predictions by image. */
async function readPredictions(file: string): Promise<Map<number, string>> {
  const entries = await readCaptionFile(file, PredictionFile, REMEDY.predictions);
  const ids = entries.map(({ image_id }) => image_id);
  refuseIds(repeatedIds(ids), `${file}: image with more than one prediction`, REMEDY.onePrediction);
  return new Map(entries.map(({ image_id, caption }) => [image_id, caption]));
}

function readCaptionFile<T>(file: string, schema: z.ZodType<T>, remedy: string): Promise<T> {
  return readJsonFile({
    file,
    schema,
    maxBytes: MAX_CAPTION_FILE_BYTES,
    missing: "data-missing",
    invalid: "data-invalid",
    remedy,
  });
}

function invalid(message: string, remedy: string): Failure {
  return new Failure({ reason: "data-invalid", message, remedy });
}
