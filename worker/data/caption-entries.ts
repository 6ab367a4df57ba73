import { z } from "zod";
import type { DatasetIdentity } from "../contract/trial-spec.ts";

/** Bound of a file of captions; VizWiz's own training file has 43 MB. */
export const MAX_CAPTION_FILE_BYTES = 2 ** 28;

const MAX_CAPTION_CHARACTERS = 2 ** 17;

export const ImageId = z.number().int().nonnegative();

/** A caption and its image, as COCO's files of annotations and of results both have them. */
export const CaptionEntry = z.object({
  image_id: ImageId,
  caption: z.string().max(MAX_CAPTION_CHARACTERS),
});

/** A caption with VizWiz's marks, which other data sets lack. */
export const MarkedCaptionEntry = CaptionEntry.extend({
  is_precanned: z.boolean().default(false),
  is_rejected: z.boolean().default(false),
});

/** What becomes of marked captions. */
export type MarkPolicy = Pick<DatasetIdentity, "precanned" | "rejected">;

/** The mark for which a caption is dropped, the first that holds; null where it stays. */
export function droppingMark(
  entry: z.infer<typeof MarkedCaptionEntry>,
  policy: MarkPolicy,
): keyof MarkPolicy | null {
  if (entry.is_precanned && policy.precanned === "drop") return "precanned";
  if (entry.is_rejected && policy.rejected === "drop") return "rejected";
  return null;
}
