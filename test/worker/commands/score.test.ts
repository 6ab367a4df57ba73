import { describe, expect, it, test } from "vitest";
import { runScore } from "./run-score.ts";

const references = {
  images: [{ id: 7 }, { id: 3 }, { id: 5 }],
  annotations: [
    { image_id: 3, caption: "two red cats run" },
    { image_id: 7, caption: "a dog on mats" },
    { image_id: 5, caption: "a spoon on a plate", is_precanned: true },
    { image_id: 7, caption: "an old boat at sea", is_rejected: true },
  ],
};
const predictions = [
  { image_id: 3, caption: "Two red cats run!" },
  { image_id: 7, caption: "an old boat at sea" },
  { image_id: 5, caption: "a spoon on a plate" },
];

test("what is printed is the number of images and the metrics of the corpus", async () => {
  const { value } = await runScore({ references, predictions });
  expect(Object.keys(value)).toEqual(["images", "metrics"]);
  const names = ["cider", "bleu1", "bleu2", "bleu3", "bleu4", "rouge_l"];
  expect(Object.keys(value.metrics)).toEqual(names);
});

test("with --per-image each image's scores are there, in the order of the references", async () => {
  const { value } = await runScore({ references, predictions }, "--per-image");
  expect(value.perImage?.map(({ image_id }) => image_id)).toEqual([7, 3]);
  expect(value.perImage?.map(({ rouge_l }) => rouge_l)).toEqual([0, 1]);
});

test("the order of the predictions changes nothing", async () => {
  const one = await runScore({ references, predictions }, "--per-image");
  const other = await runScore(
    { references, predictions: predictions.toReversed() },
    "--per-image",
  );
  expect(other.value).toEqual(one.value);
});

describe("references with a mark", () => {
  /** ROUGE-L by image; 1 where the prediction equals a reference that counts. */
  const check = (title: string, options: string[], expected: Record<number, number>) =>
    it(title, async () => {
      const { value } = await runScore({ references, predictions }, "--per-image", ...options);
      const rouge = value.perImage?.map(({ image_id, rouge_l }) => [image_id, rouge_l]) ?? [];
      expect(Object.fromEntries(rouge)).toEqual(expected);
    });

  check("are dropped, and images that have no others left out", [], { 7: 0, 3: 1 });
  check("count where the precanned are kept", ["--keep", "precanned"], { 7: 0, 3: 1, 5: 1 });
  check("count where the rejected are kept", ["--keep", "rejected"], { 7: 1, 3: 1 });
  check("all count where both are kept", ["--keep", "precanned,rejected"], { 7: 1, 3: 1, 5: 1 });

  it("are an unknown mark's only alternatives", async () => {
    const run = runScore({ references, predictions }, "--keep", "precanned,odd");
    await expect(run).rejects.toThrow(/--keep.*precanned and rejected/);
  });
});

test("people get a row an image, the corpus last, and what was left out", async () => {
  const { lines, value } = await runScore({ references, predictions }, "--per-image");
  const words = lines.map((line) => line.trim().split(/\s{2,}/));
  expect(words[0]).toEqual([
    "images",
    "CIDEr-D",
    "BLEU-1",
    "BLEU-2",
    "BLEU-3",
    "BLEU-4",
    "ROUGE-L",
  ]);
  expect(words.slice(1, 4).map(([name]) => name)).toEqual(["7", "3", "all 2"]);
  expect(words[3]?.[1]).toBe(value.metrics.cider.toFixed(4));
  expect(lines[4]).toBe("images left out, because they have no reference captions: 1");
});
