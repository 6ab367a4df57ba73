import { mkdir, writeFile } from "node:fs/promises";
import path from "node:path";

/** What a model and its batch measure. */
export interface ModelSize {
  /** Height and width of a picture, and of a patch of it. */
  imagePixels: number;
  patchPixels: number;
  vision: { width: number; layers: number; heads: number };
  text: { width: number; layers: number; heads: number; vocabulary: number };
  batch: number;
  /** Tokens of a caption. */
  tokens: number;
}

const PUBLISHED_TEXT = { width: 768, layers: 12, heads: 12, vocabulary: 30524 };
const PUBLISHED_PICTURE = { imagePixels: 384, patchPixels: 16 };

/** `base` and `large` are the published BLIP captioning models. */
export const MODEL_SIZES = {
  small: {
    imagePixels: 96,
    patchPixels: 16,
    vision: { width: 192, layers: 6, heads: 6 },
    text: { width: 192, layers: 6, heads: 6, vocabulary: 2000 },
    batch: 16,
    tokens: 20,
  },
  base: {
    ...PUBLISHED_PICTURE,
    vision: { width: 768, layers: 12, heads: 12 },
    text: PUBLISHED_TEXT,
    batch: 2,
    tokens: 20,
  },
  large: {
    ...PUBLISHED_PICTURE,
    vision: { width: 1024, layers: 24, heads: 16 },
    text: PUBLISHED_TEXT,
    batch: 2,
    tokens: 20,
  },
} satisfies Record<string, ModelSize>;

/** The size that a command line names; throws for any other word. */
export function sizeNamed(word: string | undefined): ModelSize {
  const found = Object.entries(MODEL_SIZES).find(([name]) => name === word);
  if (found === undefined) throw new Error(`no size ${word}`);
  return found[1];
}

/**
 * Operations in the matrix products of a step that trains all weights, in 10⁹: multiplying and
 * adding count one each, and a backward pass has twice the products of a forward pass.
 */
export function stepGigaflops({ imagePixels, patchPixels, vision, text, ...size }: ModelSize) {
  const patches = 1 + (imagePixels / patchPixels) ** 2;
  const { batch, tokens } = size;
  const embedding = patches * 3 * patchPixels ** 2 * vision.width;
  // Queries, keys, values and what joins the heads: 4; the two layers of the MLP: 8.
  const seen = vision.layers * (12 * patches * vision.width ** 2 + 2 * patches ** 2 * vision.width);
  const keyValues = 2 * patches * vision.width * text.width;
  const self = 14 * tokens * text.width ** 2 + 2 * tokens ** 2 * text.width;
  const cross = keyValues + 2 * tokens * patches * text.width;
  const head = tokens * text.width * (text.width + text.vocabulary);
  const products = embedding + seen + text.layers * (self + cross) + head;
  return (3 * batch * 2 * products) / 1e9;
}

/** Hugging Face's default of 1e-10 for the vision encoder makes numbers too small to be fast. */
const INITIALIZER_RANGE = 0.02;
const MLP_FACTOR = 4;
const FIRST_ID = 1;
const LAST_ID = 2;

/** Writes `config.json` of a model of that size, which both sides draw weights for. */
export async function writeModelFolder(folder: string, size: ModelSize): Promise<string> {
  await mkdir(folder, { recursive: true });
  const { vision, text } = size;
  const config = {
    architectures: ["BlipForConditionalGeneration"],
    model_type: "blip",
    initializer_range: INITIALIZER_RANGE,
    tie_word_embeddings: false,
    vision_config: {
      hidden_size: vision.width,
      intermediate_size: MLP_FACTOR * vision.width,
      num_hidden_layers: vision.layers,
      num_attention_heads: vision.heads,
      image_size: size.imagePixels,
      patch_size: size.patchPixels,
      initializer_range: INITIALIZER_RANGE,
    },
    text_config: {
      tie_word_embeddings: false,
      vocab_size: text.vocabulary,
      hidden_size: text.width,
      encoder_hidden_size: vision.width,
      intermediate_size: MLP_FACTOR * text.width,
      num_hidden_layers: text.layers,
      num_attention_heads: text.heads,
      max_position_embeddings: 512,
      initializer_range: INITIALIZER_RANGE,
      bos_token_id: FIRST_ID,
      sep_token_id: LAST_ID,
      eos_token_id: LAST_ID,
      pad_token_id: 0,
    },
  };
  await writeFile(path.join(folder, "config.json"), `${JSON.stringify(config, null, 2)}\n`);
  return folder;
}
