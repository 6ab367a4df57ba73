import path from "node:path";
import { z } from "zod";
import { readJsonFile } from "../../files/json-file.ts";

const MAX_CONFIG_BYTES = 2 ** 20;

const upTo = (limit: number) => z.number().int().positive().max(limit);
const tokenId = z.number().int().nonnegative();

/** Convolutions in stages, each of which halves the picture's sides. */
const EncoderConfig = z
  .strictObject({
    image_size: upTo(4096),
    /** Channels of each stage. */
    channels: z.array(upTo(4096)).min(1).max(8),
    /** Groups of channels that are normalised together. */
    groups: upTo(256),
    norm_eps: z.number().positive(),
  })
  .refine(({ image_size, channels }) => image_size % 2 ** channels.length === 0, {
    error: "image_size must be a multiple of 2 to the number of stages",
    path: ["image_size"],
  })
  .refine(({ channels, groups }) => channels.every((count) => count % groups === 0), {
    error: "the channels of each stage must be a multiple of groups",
    path: ["channels"],
  });

const DecoderConfig = z
  .strictObject({
    vocab_size: upTo(1_000_000),
    embedding_size: upTo(16_384),
    hidden_size: upTo(16_384),
    /** Of the word embeddings and of the states that words are predicted from. */
    dropout: z.number().min(0).lt(1),
    /** First token of a caption, in training ([CLS]) and so when captioning. */
    bos_token_id: tokenId,
    /** Last token of a caption ([SEP]). */
    sep_token_id: tokenId,
    pad_token_id: tokenId,
  })
  .refine(
    (text) => Math.max(text.bos_token_id, text.sep_token_id, text.pad_token_id) < text.vocab_size,
    { error: "bos_token_id, sep_token_id and pad_token_id must be below vocab_size" },
  );

export const MODEL_TYPE = "cnn-lstm";

const CnnLstmConfig = z.strictObject({
  model_type: z.literal(MODEL_TYPE),
  encoder: EncoderConfig,
  decoder: DecoderConfig,
});
/** `config.json` of a CNN-LSTM captioner; every value must be given. */
export type CnnLstmConfig = z.infer<typeof CnnLstmConfig>;
export type EncoderConfig = CnnLstmConfig["encoder"];

/** Reads a model folder's `config.json`. Throws Failure `model-missing` or `model-invalid`. */
export function readCnnLstmConfig(directory: string): Promise<CnnLstmConfig> {
  return readJsonFile({
    file: path.join(directory, "config.json"),
    schema: CnnLstmConfig,
    maxBytes: MAX_CONFIG_BYTES,
    missing: "model-missing",
    invalid: "model-invalid",
    remedy: 'give the folder of a captioner with "model_type": "cnn-lstm"',
  });
}
