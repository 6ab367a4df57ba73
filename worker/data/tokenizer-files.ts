import { access } from "node:fs/promises";
import path from "node:path";
import { z } from "zod";
import { readBoundedFile, readJsonFile } from "../files/json-file.ts";

const MAX_TOKENIZER_BYTES = 2 ** 25;

/** A token's text, alone or with attributes. */
const TokenName = z.union([
  z.string(),
  z.object({ content: z.string() }).transform(({ content }) => content),
]);

/** `tokenizer_config.json`; absent values are those of Hugging Face's BertTokenizer. */
const TokenizerConfig = z.looseObject({
  do_lower_case: z.boolean().default(true),
  strip_accents: z.boolean().nullable().default(null),
  tokenize_chinese_chars: z.boolean().default(true),
  clean_up_tokenization_spaces: z.boolean().default(true),
  pad_token: TokenName.default("[PAD]"),
  unk_token: TokenName.default("[UNK]"),
  cls_token: TokenName.default("[CLS]"),
  sep_token: TokenName.default("[SEP]"),
  mask_token: TokenName.default("[MASK]"),
});
type TokenizerConfig = z.infer<typeof TokenizerConfig>;

const tokenId = z.number().int().nonnegative();

/** `tokenizer.json`; the rest of it is the library's to read. */
const TokenizerDefinition = z.looseObject({
  model: z.looseObject({
    type: z.literal("WordPiece"),
    vocab: z.record(z.string(), tokenId),
  }),
  normalizer: z.looseObject({ type: z.literal("BertNormalizer") }),
  pre_tokenizer: z.looseObject({ type: z.literal("BertPreTokenizer") }),
  decoder: z.looseObject({ type: z.literal("WordPiece") }),
  added_tokens: z.array(z.looseObject({ id: tokenId, content: z.string() })),
});
type TokenizerDefinition = z.infer<typeof TokenizerDefinition>;

/** A model folder's BERT WordPiece tokenizer, in the terms of Hugging Face's `tokenizer.json`. */
export interface TokenizerFiles {
  definition: TokenizerDefinition;
  config: TokenizerConfig;
}

/**
 * Reads `tokenizer.json`, or `vocab.txt` where that is absent, each with `tokenizer_config.json` if
 * there. Throws Failure `model-missing`, or `model-invalid` for another kind of tokenizer.
 */
export async function readTokenizerFiles(directory: string): Promise<TokenizerFiles> {
  const config = await readConfig(path.join(directory, "tokenizer_config.json"));
  const file = path.join(directory, "tokenizer.json");
  const definition = (await exists(file))
    ? await readJsonFile({ ...bounded(file), schema: TokenizerDefinition })
    : wordPiece(await readVocabulary(path.join(directory, "vocab.txt")), config);
  return { definition, config };
}

async function readConfig(file: string): Promise<TokenizerConfig> {
  if (!(await exists(file))) return TokenizerConfig.parse({});
  return readJsonFile({ ...bounded(file), schema: TokenizerConfig });
}

/** Tokens by id: one a line. */
async function readVocabulary(file: string): Promise<string[]> {
  const lines = (await readBoundedFile(bounded(file))).split("\n");
  if (lines.at(-1) === "") lines.pop();
  return lines.map((line) => line.replace(/\r$/, ""));
}

/** What Hugging Face converts a vocabulary to; of equal lines the last counts, as there. */
function wordPiece(vocabulary: readonly string[], config: TokenizerConfig): TokenizerDefinition {
  const { unk_token, pad_token, cls_token, sep_token, mask_token } = config;
  const vocab = Object.fromEntries(vocabulary.map((token, id) => [token, id]));
  const specials = [pad_token, unk_token, cls_token, sep_token, mask_token];
  return {
    added_tokens: specials
      .filter((token) => vocab[token] !== undefined)
      .map((content) => ({ id: vocab[content]!, content, normalized: false, special: true })),
    normalizer: {
      type: "BertNormalizer",
      clean_text: true,
      handle_chinese_chars: config.tokenize_chinese_chars,
      strip_accents: config.strip_accents,
      lowercase: config.do_lower_case,
    },
    pre_tokenizer: { type: "BertPreTokenizer" },
    post_processor: null,
    decoder: { type: "WordPiece", prefix: "##", cleanup: true },
    model: { type: "WordPiece", unk_token, continuing_subword_prefix: "##", vocab },
  };
}

function bounded(file: string) {
  return {
    file,
    maxBytes: MAX_TOKENIZER_BYTES,
    missing: "model-missing",
    invalid: "model-invalid",
    remedy: "give a model folder with the files of a BERT WordPiece tokenizer",
  } as const;
}

function exists(file: string): Promise<boolean> {
  return access(file).then(
    () => true,
    () => false,
  );
}
