import { type Command, InvalidArgumentError } from "commander";
import type { MarkPolicy } from "../data/caption-entries.ts";
import { readPredictedCaptions } from "../data/predicted-captions.ts";
import { type CaptionMetrics, scoreCaptions } from "../metrics/caption-scores.ts";
import { tokenizeCaptions, tokenizeReferences } from "../metrics/ptb-tokenizer.ts";
import { type CommandOutput, helpExample, type Report } from "./command-report.ts";
import type { JavaMetric } from "./java-metrics.ts";

interface ScoreOptions {
  references: string;
  predictions: string;
  keep?: MarkPolicy;
  perImage?: true;
  javaMetrics?: string;
}

/** METEOR and SPICE are there where their tools were. */
type Scores = CaptionMetrics & Partial<Record<JavaMetric, number | null>>;

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
    .option(
      "--java-metrics <dir>",
      "METEOR and SPICE, too, by their own Java programs: the folder of the Python package " +
        "pycocoevalcap; what it does not hold is left out",
    )
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
  javaMetrics,
  ...files
}: ScoreOptions): Promise<Report> {
  const { images, withoutReferences } = await readPredictedCaptions({ ...files, ...keep });
  const captions = {
    references: images.map(({ references }) => references),
    predictions: images.map(({ prediction }) => prediction),
  };
  const scores = scoreCaptions(captions);
  const java = javaMetrics === undefined ? null : await javaScores(javaMetrics, captions);
  const found = Object.entries(java?.scores ?? {});
  const each = scores.perImage.map((metrics, index) => ({
    image_id: images[index]!.imageId,
    ...metrics,
    ...Object.fromEntries(found.map(([name, { perImage: values }]) => [name, values[index]!])),
  }));
  const metrics: Scores = {
    ...scores.metrics,
    ...Object.fromEntries(found.map(([name, { corpus }]) => [name, corpus])),
  };
  const shown = perImage ? each.map(({ image_id, ...one }) => row(String(image_id), one)) : [];
  const header = ["images", ...columnsOf(metrics).map((column) => COLUMNS[column])];
  const table = aligned([header, ...shown, row(`all ${images.length}`, metrics)]);
  const noReferences = "images left out, because they have no reference captions";
  const absent = JAVA_METRICS.flatMap((metric) => {
    const file = java?.absent[metric];
    return file === undefined ? [] : [{ metric, file }];
  });
  return {
    value: {
      images: images.length,
      metrics,
      ...(perImage && { perImage: each }),
      ...(absent.length > 0 && { absent }),
    },
    lines: [
      ...table,
      ...(withoutReferences === 0 ? [] : [`${noReferences}: ${withoutReferences}`]),
      ...absent.map(
        ({ metric, file }) => `${COLUMNS[metric]} left out: ${javaMetrics} has no ${file}`,
      ),
    ],
  };
}

/** The tools take captions as the reference code hands them over: tokenised, no punctuation. */
async function javaScores(directory: string, captions: Parameters<typeof scoreCaptions>[0]) {
  const { scoreWithJava } = await import("./java-metrics.ts");
  return scoreWithJava(directory, {
    references: tokenizeReferences(captions.references),
    predictions: tokenizeCaptions(captions.predictions),
  });
}

const JAVA_METRICS = ["meteor", "spice"] as const;
const COLUMNS: Record<keyof Scores, string> = {
  cider: "CIDEr-D",
  bleu1: "BLEU-1",
  bleu2: "BLEU-2",
  bleu3: "BLEU-3",
  bleu4: "BLEU-4",
  rouge_l: "ROUGE-L",
  meteor: "METEOR",
  spice: "SPICE",
};

function columnsOf(scores: Scores): (keyof Scores)[] {
  const all = ["cider", "bleu1", "bleu2", "bleu3", "bleu4", "rouge_l", ...JAVA_METRICS] as const;
  return all.filter((column) => column in scores);
}

function row(name: string, scores: Scores): string[] {
  return [name, ...columnsOf(scores).map((column) => scores[column]?.toFixed(4) ?? "-")];
}

/** Right-aligned columns, two spaces apart. */
function aligned(rows: readonly string[][]): string[] {
  const widths = rows[0]!.map((_, column) =>
    rows.reduce((widest, cells) => Math.max(widest, cells[column]!.length), 0),
  );
  return rows.map((cells) => cells.map((cell, i) => cell.padStart(widths[i]!)).join("  "));
}
