import { array, assert, integer, property, string, uniqueArray } from "fast-check";
import { describe, expect, it } from "vitest";
import type { FeatureIdentity } from "../../../worker/contract/feature-files.ts";
import {
  chunkName,
  chunksOf,
  featureBytes,
  featureKey,
  firstChunk,
} from "../../../worker/features/feature-layout.ts";
import { IDENTITY, imageIds } from "./staged-cache.ts";

const MEBIBYTE = 2 ** 20;

describe("the key of features", () => {
  it.each<Partial<FeatureIdentity>>([
    { model: "4567" },
    { init: "random", seed: 1 },
    { init: "random", seed: 2 },
    { precision: "float" },
    { engine: "wasm" },
    { tensorflow: null },
    { device: "GPU" },
  ])("is another for %o", (change) => {
    expect(featureKey({ ...IDENTITY, ...change })).not.toBe(featureKey(IDENTITY));
  });

  it("is a name of 16 digits that does not depend on the order of what it is made of", () => {
    const reversed = Object.fromEntries(Object.entries(IDENTITY).toReversed()) as FeatureIdentity;
    expect(featureKey(IDENTITY)).toMatch(/^[0-9a-f]{16}$/);
    expect(featureKey(reversed)).toBe(featureKey(IDENTITY));
  });
});

describe("chunks", () => {
  it("hold each image once, in ascending order, and are full but for the last", () => {
    assert(
      property(array(string()), integer({ min: 1, max: 256 * MEBIBYTE }), (ids, rowBytes) => {
        const chunks = chunksOf(ids, rowBytes);
        expect(chunks.flat()).toEqual([...new Set(ids)].toSorted());
        const most = Math.max(1, Math.min(64, Math.floor((64 * MEBIBYTE) / rowBytes)));
        for (const chunk of chunks.slice(0, -1)) expect(chunk).toHaveLength(most);
        if (ids.length > 0) expect(chunks.at(-1)!.length).toBeGreaterThan(0);
        expect((chunks.at(-1) ?? []).length).toBeLessThanOrEqual(most);
      }),
    );
  });

  it("do not depend on the order in which the images were given", () => {
    assert(
      property(uniqueArray(string()), integer({ min: 1, max: MEBIBYTE }), (ids, rowBytes) => {
        expect(chunksOf(ids.toReversed(), rowBytes)).toEqual(chunksOf(ids, rowBytes));
      }),
    );
  });

  // 577 positions of 1024 channels: an image of BLIP-large, 1,181,696 bytes as halves.
  it.each([
    [1, 64],
    [MEBIBYTE, 64],
    [577 * 1024 * 2, 56],
    [577 * 1024 * 4, 28],
    [65 * MEBIBYTE, 1],
  ])("of rows of %i bytes have %i images", (rowBytes, images) => {
    expect(chunksOf(imageIds(200), rowBytes)[0]).toHaveLength(images);
  });

  it("have a name of their images", () => {
    expect(chunkName(["a", "b"])).toMatch(/^[0-9a-f]{16}$/);
    expect(chunkName(["ab"])).not.toBe(chunkName(["a", "b"]));
  });

  it("are begun at different places by different trials", () => {
    const starts = Array.from({ length: 500 }, (_, trial) => firstChunk(`t${trial}`, 8));
    expect(new Set(starts)).toEqual(new Set([0, 1, 2, 3, 4, 5, 6, 7]));
    expect(firstChunk("t", 0)).toBe(0);
  });
});

it("the size of features is that of their rows, and a little for each shard", () => {
  const shape = [577, 1024] as const;
  const bytes = featureBytes({ images: 30_000, shape, precision: "half" });
  const rows = 30_000 * 577 * 1024 * 2;
  expect(bytes).toBeGreaterThan(rows);
  expect(bytes - rows).toBeLessThanOrEqual(Math.ceil(30_000 / 56) * 8192);
  expect(featureBytes({ images: 0, shape, precision: "float" })).toBe(0);
});
