import { existsSync, readFileSync, rmSync, statSync, truncateSync, writeFileSync } from "node:fs";
import { beforeEach, describe, expect, it } from "vitest";
import { partialsOf } from "../../../worker/features/chunk-claim.ts";
import type { EncoderCache } from "../../../worker/features/encoder-cache.ts";
import { listFeatures, shardFile } from "../../../worker/files/feature-directory.ts";
import { featuresOf, IDENTITY, imageIds, StagedFeatures } from "./staged-cache.ts";

const IDS = imageIds(9).toSorted();
/** Of [2, 3] halves. */
const ROW_BYTES = 12;

let staged: StagedFeatures;
let shard: string;
beforeEach(async () => {
  staged = await StagedFeatures.make();
  await (await staged.open("a")).encodeMissing(IDS, staged.hooks());
  shard = shardFile(staged.paths(), listFeatures(staged.paths()).shards[0]!);
});

function flip(position: number): void {
  const bytes = readFileSync(shard);
  bytes[position]! ^= 0x10;
  writeFileSync(shard, bytes);
}

const rowAt = (row: number): number => statSync(shard).size - (IDS.length - row) * ROW_BYTES;
const textAt = (text: string): number => readFileSync(shard).indexOf(text);

const isRight = (cache: EncoderCache, id: string, read: Float32Array | null): boolean =>
  read !== null && Buffer.from(read.buffer).equals(Buffer.from(cache.round(featuresOf(id)).buffer));

describe("a shard with a wrong header is named and removed when the cache is opened", () => {
  const check = (title: string, damage: () => void, problem: string) =>
    it(title, async () => {
      damage();
      const cache = await staged.open("b");
      expect(staged.damaged).toEqual([`${shard} ${problem}`]);
      expect(existsSync(shard)).toBe(false);
      expect(IDS.some((id) => cache.has(id))).toBe(false);
      expect(await cache.read(IDS[0]!)).toBe(null);
      expect(await cache.encodeMissing(IDS, staged.hooks())).toMatchObject({
        encoded: 9,
        problem: null,
      });
      for (const id of IDS) expect(isRight(cache, id, await cache.read(id))).toBe(true);
    });

  check("by its first bytes", () => flip(0), "is no shard of features");
  check("by the header's length", () => flip(8), "has a damaged header");
  check("by a length of gigabytes", () => flip(11), "has a header too long");
  check("by the header's checksum", () => flip(12), "has a damaged header");
  check("in the text of the header", () => flip(textAt(IDS[3]!)), "has a damaged header");
  check("in a row's checksum", () => flip(textAt("crc32") + 8), "has a damaged header");
  check("in what fills the header up", () => flip(rowAt(0) - 1), "has a damaged header");
  check("empty", () => truncateSync(shard, 0), "is shorter than a header");
  check("cut in the header", () => truncateSync(shard, 100), "has a header too long");
  check(
    "cut in a row",
    () => truncateSync(shard, rowAt(9) - 1),
    `has ${4096 + 9 * ROW_BYTES - 1} bytes, not ${4096 + 9 * ROW_BYTES}`,
  );
  check(
    "longer than its rows",
    () => writeFileSync(shard, Buffer.concat([readFileSync(shard), Buffer.alloc(1)])),
    `has ${4096 + 9 * ROW_BYTES + 1} bytes, not ${4096 + 9 * ROW_BYTES}`,
  );
});

it("a shard of another key is not taken for one of this", async () => {
  const other = { ...IDENTITY, model: "4567" };
  const cache = await staged.open("b", { identity: other });
  writeFileSync(shardFile(staged.paths(other), "0123456789abcdef"), readFileSync(shard));
  await cache.encodeMissing(IDS, staged.hooks());
  expect(staged.damaged).toHaveLength(1);
  expect(staged.damaged[0]).toContain("holds features");
  expect(staged.encoded).toHaveLength(18);
});

describe("a damaged row", () => {
  it.each([0, 4, 8])("is never read: number %i", async (row) => {
    flip(rowAt(row) + 5);
    const cache = await staged.open("b");
    expect(staged.damaged).toEqual([]);
    expect(await cache.read(IDS[row]!)).toBe(null);
    expect(staged.damaged).toEqual([`${shard} is damaged at the row of image ${IDS[row]}`]);
    expect(existsSync(shard)).toBe(false);
    expect(IDS.some((id) => cache.has(id))).toBe(false);
    expect(await cache.encodeMissing(IDS, staged.hooks())).toMatchObject({ encoded: 9 });
  });

  it("is noticed by who opened the cache before it was damaged", async () => {
    const cache = await staged.open("b");
    flip(rowAt(2));
    const read = await Promise.all(IDS.map((id) => cache.read(id)));
    expect(read[2]).toBe(null);
    for (const [row, features] of read.entries()) {
      expect(features === null || isRight(cache, IDS[row]!, features)).toBe(true);
    }
    expect(staged.damaged).toEqual([`${shard} is damaged at the row of image ${IDS[2]}`]);
  });
});

it("a shard that another made anew under the same name is read", async () => {
  const old = await staged.open("a");
  rmSync(shard);
  await (await staged.open("b")).encodeMissing(IDS.toReversed(), staged.hooks());
  expect(existsSync(shard)).toBe(true);
  for (const id of IDS) expect(isRight(old, id, await old.read(id))).toBe(true);
  expect([old.encodedBy("a"), old.encodedBy("b")]).toEqual([0, 9]);
});

it("a damaged shard is not removed where a whole one has its name by now", async () => {
  const whole = readFileSync(shard);
  flip(rowAt(0));
  const onDamaged = (): void => {
    throw new Error("the whole one was taken for damaged");
  };
  const cache = await staged.open("b", { onDamaged });
  rmSync(shard);
  writeFileSync(shard, whole);
  expect(isRight(cache, IDS[0]!, await cache.read(IDS[0]!))).toBe(true);
  expect(existsSync(shard)).toBe(true);
});

describe("rows that a superseded owner left", () => {
  /** Trial a stores four images and is over; its partial is changed, and trial b goes on. */
  async function goOn(change: (partial: string) => void): Promise<number[]> {
    const ids = imageIds(6, 100);
    const encoded: string[] = [];
    let images = 0;
    const encode = async (id: string): Promise<Float32Array> => {
      images += 1;
      if (images < 5) return featuresOf(id);
      const [partial] = partialsOf(staged.paths(), listFeatures(staged.paths()).claims[0]!.chunk);
      staged.end("a");
      change(partial!);
      const next = await staged.open("b");
      const encodeAgain = async (again: string): Promise<Float32Array> => {
        encoded.push(again);
        return featuresOf(again);
      };
      await next.encodeMissing(ids, staged.hooks({ encode: encodeAgain }));
      for (const each of ids) expect(isRight(next, each, await next.read(each))).toBe(true);
      expect(next.encodedBy("b")).toBe(encoded.length);
      throw new Error("killed");
    };
    const first = await staged.open("a");
    await expect(first.encodeMissing(ids, staged.hooks({ encode }))).rejects.toThrow("killed");
    expect(staged.damaged).toEqual([]);
    return encoded.map((id) => ids.toSorted().indexOf(id));
  }

  it("are taken over", async () => {
    expect(await goOn(() => {})).toEqual([4, 5]);
  });

  it("are not, where one is torn", async () => {
    const tear = (partial: string): void => {
      const bytes = readFileSync(partial);
      bytes[4096 + ROW_BYTES + 3]! ^= 1;
      writeFileSync(partial, bytes);
    };
    expect(await goOn(tear)).toEqual([1, 4, 5]);
  });

  it("are not, where the file ends before", async () => {
    const cut = (partial: string): void => truncateSync(partial, 4096 + 2 * ROW_BYTES + 1);
    expect(await goOn(cut)).toEqual([2, 3, 4, 5]);
  });

  it("are not, where the header is torn", async () => {
    const tear = (partial: string): void => {
      const bytes = readFileSync(partial);
      bytes[40]! ^= 1;
      writeFileSync(partial, bytes);
    };
    expect(await goOn(tear)).toEqual([0, 1, 2, 3, 4, 5]);
  });

  it("are not, where the file is gone", async () => {
    expect(await goOn((partial) => rmSync(partial))).toEqual([0, 1, 2, 3, 4, 5]);
  });
});
