import { readFileSync } from "node:fs";
import { join } from "node:path";
import { expect, test } from "vitest";
import type { CaptionMetrics } from "../../worker/metrics/caption-scores.ts";
import { runScore } from "../worker/commands/run-score.ts";
import { fixturesDirectory } from "./fixtures.ts";

const TOLERANCE = 1e-9;

interface ScoredCorpus {
  corpus: Record<
    "CIDEr-D" | "ROUGE_L" | "BLEU_1" | "BLEU_2" | "BLEU_3" | "BLEU_4" | "METEOR",
    number
  >;
  images: {
    id: number;
    candidate: string;
    references: string[];
    "CIDEr-D": number;
    ROUGE_L: number;
    METEOR: number;
    BLEU: [number, number, number, number];
  }[];
}

function read(name: string): string {
  return readFileSync(join(fixturesDirectory(), "metrics", name), "utf8");
}

const synthetic: ScoredCorpus = JSON.parse(read("synthetic.json"));
const small: Record<string, ScoredCorpus> = JSON.parse(read("small.json"));

test.each([...Object.entries(small), ["synthetic.json", synthetic] as const])(
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
    expect(value.perImage?.map(({ image_id }) => image_id)).toEqual(images.map(({ id }) => id));
    for (const [index, { BLEU, ROUGE_L, ...expected }] of images.entries()) {
      const [bleu1, bleu2, bleu3, bleu4] = BLEU;
      const cider = expected["CIDEr-D"];
      const metrics = { cider, bleu1, bleu2, bleu3, bleu4, rouge_l: ROUGE_L };
      expectEqual(value.perImage![index]!, metrics);
    }
  },
);

/** The folder of the Python package pycocoevalcap. */
const javaMetrics = process.env["QSWEEP_JAVA_METRICS"];

// Its program comes with a package of a hundred megabytes, which nobody need have.
test.skipIf(javaMetrics === undefined).each(Object.entries({ ...small, synthetic }))(
  "`score --java-metrics` on the files of %s gives METEOR as its program printed it",
  async (_, { corpus, images }) => {
    const { value } = await runScore(
      filesOf(images),
      "--per-image",
      "--java-metrics",
      javaMetrics!,
    );
    expect(value.metrics).toMatchObject({ meteor: corpus.METEOR });
    expect(value.perImage).toMatchObject(images.map(({ METEOR }) => ({ meteor: METEOR })));
  },
);

function filesOf(images: ScoredCorpus["images"]) {
  const annotations = images.flatMap(({ id, references }) =>
    references.map((caption) => ({ image_id: id, caption })),
  );
  return {
    references: { images: images.map(({ id }) => ({ id, file_name: `${id}.jpg` })), annotations },
    predictions: images.map(({ id, candidate }) => ({ image_id: id, caption: candidate })),
  };
}

function expectEqual(actual: CaptionMetrics, expected: CaptionMetrics): void {
  for (const name of ["cider", "bleu1", "bleu2", "bleu3", "bleu4", "rouge_l"] as const) {
    expect(Math.abs(actual[name] - expected[name]), name).toBeLessThanOrEqual(TOLERANCE);
  }
}
