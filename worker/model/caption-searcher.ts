import * as tf from "@tensorflow/tfjs-core";
import type { Tensor } from "@tensorflow/tfjs-core";
import type { RunnableStep, StepRunner } from "../tensor/step-runner.ts";
import { CaptionDecoder, type DecodingSteps, decodingSteps } from "./caption-decoder.ts";
import {
  type FoundCaption,
  PLAIN_SEARCH,
  searchCaptions,
  type SearchSettings,
} from "./caption-search.ts";
import type { Captioner } from "./captioner.ts";
import { encodingStep } from "./image-encoding.ts";
import type { ImageInput } from "./trainable.ts";

/** What a search leaves out is as in `generate()` of Hugging Face. */
export type SearchRequest = Partial<SearchSettings> & Pick<SearchSettings, "maxLength">;

export interface GenerateOptions {
  numBeams: number;
  maxNewTokens: number;
}

/** Searches captions with one model, batch after batch; what is computed is prepared once. */
export class CaptionSearcher {
  readonly #captioner: Captioner;
  readonly #runner: StepRunner;
  readonly #encode: RunnableStep;
  readonly #steps = new Map<string, DecodingSteps>();

  constructor(captioner: Captioner, runner: StepRunner) {
    this.#captioner = captioner;
    this.#runner = runner;
    this.#encode = encodingStep(captioner, runner);
  }

  /**
   * Captions of each image that begin with the token ids of a prompt, best first; lengths count the
   * token in front of it. The images stay the caller's.
   */
  async search(
    images: ImageInput,
    prompt: readonly number[],
    request: SearchRequest,
  ): Promise<FoundCaption[][]> {
    const { firstId, endId } = this.#captioner;
    const firstIds = [firstId, ...prompt];
    const settings = { ...PLAIN_SEARCH, endId, ...request };
    const [given] = Object.values(images);
    const count = given!.shape[0];
    const imageStates = this.#encoded(images);
    const steps = this.#stepsFor(settings);
    const decoder = new CaptionDecoder(steps, imageStates, firstIds);
    try {
      return await searchCaptions(decoder, { images: count, firstIds }, settings);
    } finally {
      decoder.dispose();
      imageStates.dispose();
    }
  }

  /** Ids of the best caption of each image: bos, the new ids, [SEP] if reached; no padding. */
  async generate(
    images: ImageInput,
    { numBeams, maxNewTokens }: GenerateOptions,
  ): Promise<number[][]> {
    const maxLength = Math.min(1 + maxNewTokens, this.#captioner.maxPositions);
    const found = await this.search(images, [], { numBeams, maxLength });
    return found.map(([best]) => best!.ids);
  }

  /** The images' states, and rows of nothing up to a number that steps are prepared for. */
  #encoded(images: ImageInput): Tensor {
    if ("imageStates" in images) return this.#filledUp(images.imageStates);
    const pixelValues = this.#filledUp(images.pixelValues);
    const { imageStates } = this.#encode({ pixelValues });
    pixelValues.dispose();
    return imageStates!;
  }

  #filledUp(tensor: Tensor): Tensor {
    const [count] = tensor.shape;
    const missing = this.#runner.rowsFor(count) - count;
    return tf.pad(
      tensor,
      tensor.shape.map((_, axis) => [0, axis === 0 ? missing : 0]),
    );
  }

  #stepsFor({ numBeams: beams, maxLength }: SearchSettings): DecodingSteps {
    const capacity = maxLength - 1;
    const key = `${beams} ${capacity}`;
    const steps =
      this.#steps.get(key) ?? decodingSteps(this.#captioner, this.#runner, { beams, capacity });
    this.#steps.set(key, steps);
    return steps;
  }
}
