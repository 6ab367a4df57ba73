import { Tokenizer } from "@huggingface/tokenizers";
import { Failure } from "../contract/failure.ts";
import { readTokenizerFiles, type TokenizerFiles } from "./tokenizer-files.ts";

const SPECIALS_AROUND = 2;

/**
 * Ideographs beyond U+FFFF, in the ranges of Hugging Face's BERT normaliser (its gap at U+2B820
 * included): the library sees UTF-16 units and would not set them apart.
 */
const WIDE_IDEOGRAPHS =
  /[\u{20000}-\u{2A6DF}\u{2A700}-\u{2B81F}\u{2B920}-\u{2CEAF}\u{2F800}-\u{2FA1F}]/gu;

/**
 * BERT's WordPiece, as Hugging Face's `BertTokenizerFast` encodes and decodes. Ids are those of the
 * model folder's vocabulary.
 */
export class CaptionTokenizer {
  readonly padId: number;
  readonly clsId: number;
  readonly sepId: number;
  readonly #tokenizer: Tokenizer;

  private constructor({ definition, config }: TokenizerFiles, directory: string) {
    this.#tokenizer = new Tokenizer(definition, config);
    const idOf = (token: string): number => {
      const id = this.#tokenizer.token_to_id(token);
      if (id !== undefined) return id;
      throw new Failure({
        reason: "model-invalid",
        message: `${directory}: the tokenizer's vocabulary has no ${token}`,
        remedy: "use the tokenizer files that came with the model",
      });
    };
    this.padId = idOf(config.pad_token);
    this.clsId = idOf(config.cls_token);
    this.sepId = idOf(config.sep_token);
  }

  /** Reads a model folder's tokenizer. Throws Failure `model-missing` or `model-invalid`. */
  static async load(directory: string): Promise<CaptionTokenizer> {
    return new CaptionTokenizer(await readTokenizerFiles(directory), directory);
  }

  /** Ids of [CLS], the text and [SEP]: at most `maxLength`, tokens of the text's end cut off. */
  encode(text: string, maxLength: number): number[] {
    const { ids } = this.#tokenizer.encode(normalised(text), { add_special_tokens: false });
    return [this.clsId, ...ids.slice(0, maxLength - SPECIALS_AROUND), this.sepId];
  }

  /** The text of ids, without special tokens and ids that the vocabulary lacks (such as [DEC]). */
  decode(ids: readonly number[]): string {
    const known = ids.filter((id) => this.#tokenizer.id_to_token(id) !== undefined);
    if (known.length === 0) return "";
    return this.#tokenizer.decode(known, { skip_special_tokens: true });
  }
}

/** Two habits of the reference that the library lacks; the second: no final form of sigma. */
function normalised(text: string): string {
  return text.replace(WIDE_IDEOGRAPHS, " $& ").replaceAll("Σ", "σ");
}
