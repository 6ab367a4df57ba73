import { readFileSync } from "node:fs";
import path from "node:path";
import { expect, test } from "vitest";
import type { CaptionMetrics } from "../../worker/metrics/caption-scores.ts";
import { fetchWheel } from "../../worker/wheels/python-wheel.ts";
import { runScore } from "../worker/commands/run-score.ts";
import { findRealCaptions, fixturePath } from "./fixtures.ts";

const TOLERANCE = 1e-9;

interface ScoredCorpus {
  corpus: Record<
    "CIDEr-D" | "ROUGE_L" | "BLEU_1" | "BLEU_2" | "BLEU_3" | "BLEU_4" | "METEOR",
    number
  >;
  images: {
    id: number | string;
    candidate: string;
    references: string[];
    "CIDEr-D": number;
    ROUGE_L: number;
    METEOR: number;
    BLEU: [number, number, number, number];
  }[];
}

function read(file: string): string {
  return readFileSync(file, "utf8");
}

const synthetic: ScoredCorpus = JSON.parse(read(fixturePath("metrics/synthetic.json")));
const small: Record<string, ScoredCorpus> = JSON.parse(read(fixturePath("metrics/small.json")));
const realCaptions = findRealCaptions();
const real: Record<string, ScoredCorpus> =
  realCaptions === null ? {} : { "real.json": JSON.parse(read(realCaptions)) };

test.each(Object.entries({ ...small, "synthetic.json": synthetic, ...real }))(
  "`score` on the files of %s gives the reference implementation's numbers",
  async (_, { corpus, images }) => {
    const { value } = await runScore(filesOf(images), "--per-image");
    expect(value.images).toBe(images.length);
    expectEqual(value.metrics, {
      cider: corpus["CIDEr-D"],
      bleu1: corpus.BLEU_1,
      bleu2: corpus.BLEU_2,
      bleu3: corpus.BLEU_3,
      bleu4: corpus.BLEU_4,
      rouge_l: corpus.ROUGE_L,
    });
    expect(value.perImage?.map(({ image_id }) => image_id)).toEqual(images.map(imageId));
    for (const [index, { BLEU, ROUGE_L, ...expected }] of images.entries()) {
      const [bleu1, bleu2, bleu3, bleu4] = BLEU;
      const cider = expected["CIDEr-D"];
      const metrics = { cider, bleu1, bleu2, bleu3, bleu4, rouge_l: ROUGE_L };
      expectEqual(value.perImage![index]!, metrics);
    }
  },
);

/** A given folder of the Python package pycocoevalcap. */
const given = process.env["QSWEEP_JAVA_METRICS"];

/** That folder, else as much of the package as METEOR needs, fetched: a hundred megabytes. */
async function javaMetrics(): Promise<string> {
  if (given !== undefined) return given;
  const members = ["pycocoevalcap/meteor/"];
  const wheel = await fetchWheel({ project: "pycocoevalcap", version: "1.2", members });
  return path.join(wheel, "pycocoevalcap");
}

test
  .runIf(given ?? process.env["CI"] ?? process.env["QSWEEP_SLOW"])
  .each(Object.entries({ ...small, synthetic, ...real }))(
  "`score --java-metrics` on the files of %s gives METEOR as its program printed it",
  async (_, { corpus, images }) => {
    const options = ["--per-image", "--java-metrics", await javaMetrics()];
    const { value } = await runScore(filesOf(images), ...options);
    expect(value.metrics).toMatchObject({ meteor: corpus.METEOR });
    expect(value.perImage).toMatchObject(images.map(({ METEOR }) => ({ meteor: METEOR })));
  },
);

type ScoredImage = ScoredCorpus["images"][number];

/** Real pictures are known by the names of their files. */
function imageId({ id }: ScoredImage, index: number): number {
  return typeof id === "number" ? id : index;
}

function filesOf(images: readonly ScoredImage[]) {
  const annotations = images.flatMap((image, index) =>
    image.references.map((caption) => ({ image_id: imageId(image, index), caption })),
  );
  const ids = images.map(imageId);
  return {
    references: { images: ids.map((id) => ({ id, file_name: `${id}.jpg` })), annotations },
    predictions: images.map((image, index) => ({
      image_id: ids[index],
      caption: image.candidate,
    })),
  };
}

function expectEqual(actual: CaptionMetrics, expected: CaptionMetrics): void {
  for (const name of ["cider", "bleu1", "bleu2", "bleu3", "bleu4", "rouge_l"] as const) {
    expect(Math.abs(actual[name] - expected[name]), name).toBeLessThanOrEqual(TOLERANCE);
  }
}
