import { existsSync } from "node:fs";
import { mkdtemp, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import path from "node:path";
import { z } from "zod";
import { Failure } from "../contract/failure.ts";
import { readBoundedFile } from "../files/json-file.ts";
import { brokenTool, talkToJava } from "./java-process.ts";

/**
 * What the tools need, their programs first, in the Python package pycocoevalcap, whose folder a
 * user points to. The package fetches Stanford's parser when SPICE is first used.
 */
const FILES = {
  meteor: ["meteor/meteor-1.5.jar", "meteor/data/paraphrase-en.gz"],
  spice: [
    "spice/spice-1.0.jar",
    "spice/lib/stanford-corenlp-3.6.0.jar",
    "spice/lib/stanford-corenlp-3.6.0-models.jar",
  ],
} as const;
export type JavaMetric = keyof typeof FILES;

const MAX_RESULT_BYTES = 2 ** 28;

/** Tokenised captions as the tools take them, by image. */
export interface TokenisedCaptions {
  references: readonly (readonly string[])[];
  predictions: readonly string[];
}

/** What a tool found; null where it could say nothing of an image, and so of the corpus. */
export interface JavaScores {
  corpus: number | null;
  perImage: readonly (number | null)[];
}

export interface JavaMetrics {
  scores: Partial<Record<JavaMetric, JavaScores>>;
  /** What the folder lacks for each of the others. */
  absent: Partial<Record<JavaMetric, string>>;
}

/**
 * METEOR 1.5 and SPICE 1.0 by the original tools, run as pycocoevalcap 1.2 runs them. Throws
 * Failure `tool-missing` where the folder holds neither, without Java, and where a tool fails.
 */
export async function scoreWithJava(
  directory: string,
  captions: TokenisedCaptions,
): Promise<JavaMetrics> {
  const lackOf = (metric: JavaMetric): string | undefined =>
    FILES[metric].find((file) => !existsSync(path.join(directory, file)));
  const [meteor, spice] = [lackOf("meteor"), lackOf("spice")];
  if (meteor !== undefined && spice !== undefined) {
    throw new Failure({
      reason: "tool-missing",
      message: `${directory} has no ${meteor} for METEOR and no ${spice} for SPICE`,
      remedy: "give the folder of the Python package pycocoevalcap, where SPICE has been used once",
    });
  }
  const jarOf = (metric: JavaMetric): string => path.resolve(directory, FILES[metric][0]);
  return {
    scores: {
      ...(meteor === undefined && { meteor: await runMeteor(jarOf("meteor"), captions) }),
      ...(spice === undefined && { spice: await runSpice(jarOf("spice"), captions) }),
    },
    absent: { ...(meteor !== undefined && { meteor }), ...(spice !== undefined && { spice }) },
  };
}

/** Asks for the statistics of each image, then for the scores of these statistics. */
async function runMeteor(
  jar: string,
  { references, predictions }: TokenisedCaptions,
): Promise<JavaScores> {
  const words = ["-", "-", "-stdio", "-l", "en", "-norm"];
  const score = (line: string): number => {
    const value = line.trim() === "" ? NaN : Number(line);
    if (Number.isNaN(value)) throw brokenTool(jar, `answered "${line}" in place of a score`);
    return value;
  };
  return talkToJava({ jar, memory: "2G", words }, async ({ say, hear }) => {
    for (const [image, prediction] of predictions.entries()) {
      const hypothesis = prediction.replaceAll("|||", "").replaceAll("  ", " ");
      say(["SCORE", ...references[image]!, hypothesis].join(" ||| "));
    }
    const statistics: string[] = [];
    for (const _ of predictions) statistics.push(await hear());
    say(["EVAL", ...statistics].join(" ||| "));
    const perImage: number[] = [];
    for (const _ of predictions) perImage.push(score(await hear()));
    return { corpus: score(await hear()), perImage };
  });
}

const SpiceResults = z.array(
  z.object({
    image_id: z.number(),
    scores: z.object({ All: z.object({ f: z.number().nullable() }) }),
  }),
);

async function runSpice(
  jar: string,
  { references, predictions }: TokenisedCaptions,
): Promise<JavaScores> {
  const folder = await mkdtemp(path.join(tmpdir(), "qsweep-spice-"));
  try {
    const [input, output] = [path.join(folder, "in.json"), path.join(folder, "out.json")];
    const entries = predictions.map((test, image_id) => ({
      image_id,
      test,
      refs: references[image_id],
    }));
    await writeFile(input, JSON.stringify(entries));
    const words = [input, "-out", output, "-subset", "-silent"];
    await talkToJava({ jar, memory: "8G", words }, ({ ended }) => ended());
    const results = await readSpice(jar, output);
    const byImage = new Map(results.map(({ image_id, scores }) => [image_id, scores.All.f]));
    const perImage = predictions.map((_, image) => byImage.get(image) ?? null);
    return { corpus: meanOf(perImage), perImage };
  } finally {
    await rm(folder, { recursive: true, force: true });
  }
}

/** A caption without objects has the score NaN, which is no JSON. */
async function readSpice(jar: string, file: string): Promise<z.infer<typeof SpiceResults>> {
  const reasons = { missing: "tool-missing", invalid: "tool-missing" } as const;
  const remedy = "run the tool by hand to see what it says";
  const text = await readBoundedFile({ file, maxBytes: MAX_RESULT_BYTES, remedy, ...reasons });
  try {
    return SpiceResults.parse(JSON.parse(text.replaceAll(/:\s*NaN\b/g, ":null")));
  } catch {
    throw brokenTool(jar, "wrote results of a layout that is not SPICE's");
  }
}

function meanOf(values: readonly (number | null)[]): number | null {
  let sum = 0;
  for (const value of values) {
    if (value === null) return null;
    sum += value;
  }
  return sum / values.length;
}
