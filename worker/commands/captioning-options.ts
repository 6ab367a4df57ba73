import { type Command, InvalidArgumentError } from "commander";

/** Of more beams memory is the limit long before captions get better. */
const MAX_BEAMS = 64;
const MAX_TOKENS = 2 ** 16;

/** Which model captions, and how it searches; as in `generate()` of Hugging Face. */
export interface CaptioningOptions {
  /** A model folder, whole. */
  model: string;
  /** An adapter of it. */
  adapter?: string;
  numBeams: number;
  maxNewTokens: number;
  minLength: number;
  repetitionPenalty: number;
  prompt?: string;
}

/** Adds the options of `CaptioningOptions`; what is left out is as in Hugging Face. */
export function withCaptioningOptions(command: Command): Command {
  return command
    .requiredOption("--model <dir>", "a BLIP model folder in Hugging Face's layout")
    .option("--adapter <dir>", "a LoRA adapter of that model, as PEFT writes it")
    .option("--num-beams <n>", "beams to search with; 1 is greedy", integer(1, MAX_BEAMS), 1)
    .option("--max-new-tokens <n>", "longest caption", integer(1, MAX_TOKENS), 20)
    .option(
      "--min-length <n>",
      "fewest tokens before the end, prompt and first token counted",
      integer(0, MAX_TOKENS),
      0,
    )
    .option(
      "--repetition-penalty <x>",
      "above 1, tokens that occur already are less likely",
      positive,
      1,
    )
    .option("--prompt <text>", "what each caption begins with");
}

function integer(least: number, most: number): (word: string) => number {
  return (word) => {
    const value = /^\d+$/.test(word) ? Number(word) : NaN;
    if (value >= least && value <= most) return value;
    throw new InvalidArgumentError(`Give an integer from ${least} to ${most}.`);
  };
}

function positive(word: string): number {
  const value = word.trim() === "" ? NaN : Number(word);
  if (value > 0 && Number.isFinite(value)) return value;
  throw new InvalidArgumentError("Give a number above 0.");
}
