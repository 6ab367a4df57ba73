import { describe, expect, it } from "vitest";
import { dropoutSeed, epochOrder, stepsPerEpoch } from "../../../worker/train/epoch-order.ts";

const pairs = (options: Parameters<typeof epochOrder>[0]) =>
  epochOrder(options).map(({ image, caption }) => [image, caption]);

describe("epochOrder", () => {
  // Expected orders come from a Python implementation of the documented draws (hashlib).
  it.each([
    [
      { captions: "all", epoch: 0 },
      [
        [3, 2],
        [0, 1],
        [1, 0],
        [3, 1],
        [3, 0],
        [0, 0],
      ],
    ],
    [
      { captions: "all", epoch: 1 },
      [
        [1, 0],
        [3, 0],
        [0, 0],
        [3, 2],
        [0, 1],
        [3, 1],
      ],
    ],
  ] as const)("permutes all image-caption pairs by seed and epoch: %j", (options, expected) => {
    expect(pairs({ captionCounts: [2, 1, 0, 3], seed: 7, ...options })).toEqual(expected);
  });

  it.each([
    [
      { captions: "one", epoch: 0 },
      [
        [4, 0],
        [3, 1],
        [1, 3],
        [0, 3],
      ],
    ],
    [
      { captions: "one", epoch: 1 },
      [
        [4, 0],
        [1, 0],
        [3, 0],
        [0, 2],
      ],
    ],
  ] as const)("draws one caption an image anew each epoch: %j", (options, expected) => {
    expect(pairs({ captionCounts: [5, 5, 0, 5, 1], seed: 7, ...options })).toEqual(expected);
  });

  it("holds every pair once", () => {
    const captionCounts = [5, 4, 0, 5, 1];
    const order = pairs({ captionCounts, captions: "all", seed: 1, epoch: 3 });
    const all = captionCounts.flatMap((count, image) =>
      Array.from({ length: count }, (_, caption) => [image, caption]),
    );
    expect(order.toSorted((a, b) => a[0]! - b[0]! || a[1]! - b[1]!)).toEqual(all);
  });
});

describe("stepsPerEpoch", () => {
  it.each([
    [[5, 5, 5], { captions: "all", batch_size: 4 }, 4],
    [[5, 5, 5], { captions: "one", batch_size: 4 }, 1],
    [[5, 0, 3], { captions: "all", batch_size: 4 }, 2],
    [[], { captions: "all", batch_size: 4 }, 0],
  ] as const)("counts the last, smaller batch: %j %j", (counts, settings, expected) => {
    expect(stepsPerEpoch(counts, settings)).toBe(expected);
  });
});

describe("dropoutSeed", () => {
  it("equals the documented draw and differs by step", () => {
    expect(dropoutSeed(3, 12)).toBe(141414601);
    expect(new Set(Array.from({ length: 50 }, (_, step) => dropoutSeed(3, step))).size).toBe(50);
  });
});
