import type { Tensor4D } from "@tensorflow/tfjs-core";
import type { FoundCaption, SearchSettings } from "./caption-search.ts";
import type { DecodeOptions, Trainable } from "./trainable.ts";

/** What a search leaves out is as in `generate()` of Hugging Face. */
export type SearchRequest = Partial<SearchSettings> & Pick<SearchSettings, "maxLength">;

/** A model that captions, of any kind. */
export interface Captioner extends Trainable {
  /** Its longest sequence, first token included; Infinity where nothing limits it. */
  readonly maxPositions: number;
  /**
   * Captions of each image that begin with the token ids of a prompt, best first; lengths count the
   * token in front of it. pixelValues [B, H, W, 3]
   */
  search(
    pixelValues: Tensor4D,
    prompt: readonly number[],
    request: SearchRequest,
  ): Promise<FoundCaption[][]>;
}

/** The best caption's ids of each image, in the terms of `Trainable.generate`. */
export async function bestCaptions(
  captioner: Pick<Captioner, "search" | "maxPositions">,
  pixelValues: Tensor4D,
  { numBeams, maxNewTokens }: DecodeOptions,
): Promise<number[][]> {
  const maxLength = Math.min(1 + maxNewTokens, captioner.maxPositions);
  const found = await captioner.search(pixelValues, [], { numBeams, maxLength });
  return found.map(([best]) => best!.ids);
}
