import type { DecodeSettings } from "../contract/trial-spec.ts";
import type { CaptionTokenizer } from "../data/caption-tokenizer.ts";
import { CiderD } from "../metrics/cider-d.ts";
import { tokenizeCaptions, tokenizeReferences } from "../metrics/ptb-tokenizer.ts";
import type { CaptionSearcher } from "../model/caption-searcher.ts";
import { disposeInput, type ImageSource } from "./image-source.ts";

/** Fixed, so that a score does not depend on how a trial trains: batching may move a last bit. */
const DECODE_BATCH_SIZE = 16;

/** A caption of one image of the objective's split. */
export interface Prediction {
  image_id: number;
  caption: string;
}

/** What a validation found. */
export interface Evaluation {
  cider: number;
  predictions: Prediction[];
}

export interface EvaluateOptions {
  searcher: Pick<CaptionSearcher, "generate">;
  source: ImageSource;
  tokenizer: CaptionTokenizer;
  decode: DecodeSettings;
  /** The references' scorer, made once: see `referenceScorer`. */
  scorer: CiderD;
  onProgress: EvaluationProgress;
}

/** Called before each batch and once all are done; what it throws ends the evaluation. */
export type EvaluationProgress = (done: number, images: number) => Promise<void>;

/** Captions the source's images and scores the captions with CIDEr-D. */
export async function evaluate(options: EvaluateOptions): Promise<Evaluation> {
  const { searcher, source, tokenizer, decode, scorer, onProgress } = options;
  const { images } = source;
  const indices = images.map((_, index) => index);
  const predictions: Prediction[] = [];
  while (predictions.length < images.length) {
    const done = predictions.length;
    await onProgress(done, images.length);
    const batch = indices.slice(done, done + DECODE_BATCH_SIZE);
    const input = await source.input(batch);
    source.prefetch(indices.slice(done + DECODE_BATCH_SIZE, done + 2 * DECODE_BATCH_SIZE));
    const captions = await searcher.generate(input, {
      numBeams: decode.num_beams,
      maxNewTokens: decode.max_new_tokens,
    });
    disposeInput(input);
    for (const [row, index] of batch.entries()) {
      const caption = tokenizer.decode(captions[row]!);
      predictions.push({ image_id: images[index]!.id, caption });
    }
  }
  await onProgress(images.length, images.length);
  const candidates = tokenizeCaptions(predictions.map(({ caption }) => caption));
  return { cider: scorer.score(candidates).mean, predictions };
}

/** CIDEr-D against these raw captions, by image; tokenised as one file, as the reference does. */
export function referenceScorer(images: readonly { captions: readonly string[] }[]): CiderD {
  return new CiderD(tokenizeReferences(images.map(({ captions }) => captions)));
}
