import { type Command, InvalidArgumentError } from "commander";
import type { MarkPolicy } from "../data/caption-entries.ts";
import { readPredictedCaptions } from "../data/predicted-captions.ts";
import { type CaptionMetrics, scoreCaptions } from "../metrics/caption-scores.ts";
import { type CommandOutput, helpExample, type Report } from "./command-report.ts";

interface ScoreOptions {
  references: string;
  predictions: string;
  keep?: MarkPolicy;
  perImage?: true;
}

const DROP_MARKED: MarkPolicy = { precanned: "drop", rejected: "drop" };

/** Adds `score`, which needs neither a model nor TensorFlow. */
export function registerScoreCommand(program: Command, output: CommandOutput): void {
  program
    .command("score")
    .description("score captions against references: CIDEr-D, BLEU-1 to 4, ROUGE-L")
    .requiredOption(
      "--references <file>",
      "captions by people, as in VizWiz's annotations/val.json",
    )
    .requiredOption("--predictions <file>", "a list of {image_id, caption}: one for each image")
    .option(
      "--keep <marks>",
      "use references marked precanned, rejected or both (precanned,rejected); " +
        "without it they are dropped, as by default in a sweep",
      readMarks,
    )
    .option("--per-image", "show the scores of each image, too")
    .addHelpText(
      "after",
      helpExample("score --references annotations/val.json --predictions predictions.json"),
    )
    .action(async (options: ScoreOptions) => output.show(await scoreFiles(options)));
}

/** `precanned,rejected` → what is kept. */
function readMarks(words: string): MarkPolicy {
  const policy = { ...DROP_MARKED };
  for (const word of words.split(",")) {
    if (word !== "precanned" && word !== "rejected") {
      throw new InvalidArgumentError("Known marks are precanned and rejected.");
    }
    policy[word] = "keep";
  }
  return policy;
}

async function scoreFiles({
  keep = DROP_MARKED,
  perImage,
  ...files
}: ScoreOptions): Promise<Report> {
  const { images, withoutReferences } = await readPredictedCaptions({ ...files, ...keep });
  const scores = scoreCaptions({
    references: images.map(({ references }) => references),
    predictions: images.map(({ prediction }) => prediction),
  });
  const each = scores.perImage.map((metrics, index) => ({
    image_id: images[index]!.imageId,
    ...metrics,
  }));
  const { metrics } = scores;
  const shown = perImage ? each.map(({ image_id, ...one }) => row(String(image_id), one)) : [];
  const table = aligned([HEADER, ...shown, row(`all ${images.length}`, metrics)]);
  const left = `images left out, because they have no reference captions: ${withoutReferences}`;
  return {
    value: { images: images.length, metrics, ...(perImage && { perImage: each }) },
    lines: withoutReferences === 0 ? table : [...table, left],
  };
}

const COLUMNS: Record<keyof CaptionMetrics, string> = {
  cider: "CIDEr-D",
  bleu1: "BLEU-1",
  bleu2: "BLEU-2",
  bleu3: "BLEU-3",
  bleu4: "BLEU-4",
  rouge_l: "ROUGE-L",
};
const HEADER = ["images", ...Object.values(COLUMNS)];

function row(name: string, metrics: CaptionMetrics): string[] {
  const { cider, bleu1, bleu2, bleu3, bleu4, rouge_l } = metrics;
  return [name, ...[cider, bleu1, bleu2, bleu3, bleu4, rouge_l].map((value) => value.toFixed(4))];
}

/** Right-aligned columns, two spaces apart. */
function aligned(rows: readonly string[][]): string[] {
  const widths = HEADER.map((_, column) =>
    rows.reduce((widest, cells) => Math.max(widest, cells[column]!.length), 0),
  );
  return rows.map((cells) => cells.map((cell, i) => cell.padStart(widths[i]!)).join("  "));
}
