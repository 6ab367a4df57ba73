import { statSync } from "node:fs";
import path from "node:path";
import { z } from "zod";
import { readJsonFile } from "../files/json-file.ts";

const MAX_CONFIG_BYTES = 2 ** 20;

const upTo = (limit: number) => z.number().int().positive().max(limit);
const tokenId = z.number().int().nonnegative();
const probability = z.number().min(0).lt(1);
const positive = z.number().positive();
const exactGelu = z.literal("gelu").default("gelu");
const divides = {
  error: "hidden_size must be a multiple of num_attention_heads",
  path: ["hidden_size"],
};

/** BERT decoder. Absent values are those of Hugging Face's `BlipTextConfig`. */
const TextConfig = z
  .object({
    vocab_size: upTo(1_000_000).default(30524),
    hidden_size: upTo(16_384).default(768),
    intermediate_size: upTo(65_536).default(3072),
    num_hidden_layers: upTo(256).default(12),
    num_attention_heads: upTo(256).default(8),
    max_position_embeddings: upTo(65_536).default(512),
    hidden_act: exactGelu,
    layer_norm_eps: positive.default(1e-12),
    hidden_dropout_prob: probability.default(0),
    attention_probs_dropout_prob: probability.default(0),
    initializer_range: positive.default(0.02),
    label_smoothing: probability.default(0),
    /** First token of a generated caption ([DEC]). */
    bos_token_id: tokenId.default(30522),
    /** Last token of a caption ([SEP]); Hugging Face's `eos_token_id` ends nothing here. */
    sep_token_id: tokenId.default(102),
    pad_token_id: tokenId.default(0),
  })
  .refine((text) => text.hidden_size % text.num_attention_heads === 0, divides)
  .refine(
    (text) => Math.max(text.bos_token_id, text.sep_token_id, text.pad_token_id) < text.vocab_size,
    { error: "bos_token_id, sep_token_id and pad_token_id must be below vocab_size" },
  );

/** Vision transformer. Absent values are those of Hugging Face's `BlipVisionConfig`. */
const VisionConfig = z
  .object({
    hidden_size: upTo(16_384).default(768),
    intermediate_size: upTo(65_536).default(3072),
    num_hidden_layers: upTo(256).default(12),
    num_attention_heads: upTo(256).default(12),
    image_size: upTo(4096).default(384),
    patch_size: upTo(4096).default(16),
    hidden_act: exactGelu,
    layer_norm_eps: positive.default(1e-5),
    attention_dropout: probability.default(0),
    initializer_range: positive.default(1e-10),
  })
  .refine((vision) => vision.hidden_size % vision.num_attention_heads === 0, divides)
  .refine((vision) => vision.image_size % vision.patch_size === 0, {
    error: "image_size must be a multiple of patch_size",
    path: ["image_size"],
  });

export const BlipConfig = z.object({
  model_type: z.literal("blip"),
  text_config: TextConfig.prefault({}),
  vision_config: VisionConfig.prefault({}),
  initializer_range: positive.default(0.02),
  /**
   * Whether the output matrix is the word embeddings'. Only the top level counts: the nested values
   * in published files say `true` of models whose two matrices differ.
   */
  tie_word_embeddings: z.boolean().default(false),
});
/** A BLIP captioning model's `config.json`, under its own names; unknown values are dropped. */
export type BlipConfig = z.infer<typeof BlipConfig>;
export type TextConfig = BlipConfig["text_config"];
export type VisionConfig = BlipConfig["vision_config"];

/**
 * Reads `config.json` of a model directory, or a file of that form; absent values are filled in as
 * Hugging Face does. Throws Failure `model-missing`, or `model-invalid` naming the wrong values.
 */
export function readBlipConfig(place: string): Promise<BlipConfig> {
  const isFile = statSync(place, { throwIfNoEntry: false })?.isFile() === true;
  return readJsonFile({
    file: isFile ? place : path.join(place, "config.json"),
    schema: BlipConfig,
    maxBytes: MAX_CONFIG_BYTES,
    missing: "model-missing",
    invalid: "model-invalid",
    remedy: "give a directory in the Hugging Face layout of a BLIP captioning model",
  });
}
