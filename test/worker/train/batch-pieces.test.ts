import * as tf from "@tensorflow/tfjs-core";
import { beforeAll, expect, it } from "vitest";
import type { CaptionBatch } from "../../../worker/model/trainable.ts";
import { loadEngine } from "../../../worker/tensor/backend.ts";
import { partsOf, pieceBatches } from "../../../worker/train/batch-pieces.ts";

beforeAll(() => loadEngine({ engine: "cpu" }));

/** A row of labels for each number: as many of them count, after the first. */
function batchWith(counted: readonly number[], length = 5): CaptionBatch {
  const labels = counted.map((count, row) => [
    row + 1,
    ...Array.from({ length: length - 1 }, (_, at) => (at < count ? row + 1 : -100)),
  ]);
  return {
    pixelValues: tf.zeros([counted.length, 2, 2, 3]),
    inputIds: tf.tensor2d(labels, undefined, "int32"),
    attentionMask: tf.onesLike(tf.tensor2d(labels, undefined, "int32")),
    labels: tf.tensor2d(labels, undefined, "int32"),
  };
}

it("a batch is one part in two pieces, each with its share of the labels that count", async () => {
  const batch = batchWith([4, 2, 1, 1]);
  const [part, ...others] = await partsOf(batch, { count: 1, dropoutSeed: 7 });
  expect(others).toEqual([]);
  expect(part!.batch).toBe(batch);
  expect(part!.pieces.map(({ share }) => share)).toEqual([6 / 8, 2 / 8]);
  const [first, second] = part!.pieces.map(({ dropoutSeed }) => dropoutSeed);
  expect(first).toBe(7);
  expect(second).not.toBe(7);
  const rows = pieceBatches(part!).map(({ labels }) => labels.arraySync().map(([id]) => id));
  expect(rows).toEqual([
    [1, 2],
    [3, 4],
  ]);
});

it("rows that are odd in number are one piece", async () => {
  const [part] = await partsOf(batchWith([4, 2, 2]), { count: 1, dropoutSeed: null });
  expect(part!.pieces).toEqual([{ share: 1, dropoutSeed: null }]);
});

it("parts of one batch have seeds of their own, and those of nothing are left out", async () => {
  const parts = await partsOf(batchWith([4, 2, 1, 1, 0, 0, 0, 0]), { count: 4, dropoutSeed: 1 });
  const shares = parts.map(({ pieces }) => pieces.map(({ share }) => share));
  expect(shares).toEqual([
    [4 / 8, 2 / 8],
    [1 / 8, 1 / 8],
  ]);
  const seeds = parts.flatMap(({ pieces }) => pieces.map(({ dropoutSeed }) => dropoutSeed));
  expect(new Set(seeds).size).toBe(4);
});

it("a piece of nothing in a part that counts has no share", async () => {
  const [part] = await partsOf(batchWith([4, 4, 0, 0]), { count: 1, dropoutSeed: null });
  expect(part!.pieces.map(({ share }) => share)).toEqual([1, 0]);
});

it("where no label counts, shares are those of rows", async () => {
  const [part, ...others] = await partsOf(batchWith([0, 0]), { count: 1, dropoutSeed: null });
  expect(others).toEqual([]);
  expect(part!.pieces.map(({ share }) => share)).toEqual([1 / 2, 1 / 2]);
});
