import { execFileSync } from "node:child_process";
import {
  existsSync,
  mkdirSync,
  readdirSync,
  rmSync,
  statSync,
  utimesSync,
  writeFileSync,
} from "node:fs";
import path from "node:path";
import { beforeEach, describe, expect, it, onTestFinished } from "vitest";
import type { FeatureIdentity } from "../../../worker/contract/feature-files.ts";
import { featureBytes, shardBytes } from "../../../worker/features/feature-layout.ts";
import { listFeatures } from "../../../worker/files/feature-directory.ts";
import { attemptPaths, trialPaths } from "../../../worker/files/trial-directory.ts";
import { featuresOf, IDENTITY, imageIds, SHAPE, StagedFeatures } from "./staged-cache.ts";

/** Five images are a shard of 4096 bytes of header and 5 rows of 12. */
const IDS = imageIds(5);
const SHARD_BYTES = 4096 + 5 * 12;

let staged: StagedFeatures;
beforeEach(async () => {
  staged = await StagedFeatures.make();
});

const model = (name: string): FeatureIdentity => ({ ...IDENTITY, model: name });
const isThere = (name: string): boolean => existsSync(staged.paths(model(name)).directory);

/** Stores the features of five images of a model by a trial of its own, which goes on reading. */
async function store(name: string, limitBytes = 2 ** 30) {
  const cache = await staged.open(`t-${name}`, { identity: model(name), limitBytes });
  return { cache, outcome: await cache.encodeMissing(IDS, staged.hooks()) };
}

/** As the file server would have set it: marks came or went at that second. */
function lastUsed(name: string, second: number): void {
  utimesSync(staged.paths(model(name)).readers, second, second);
}

it("the size of five images' features is that which the limits below count with", () => {
  expect(shardBytes(5, 12)).toBe(SHARD_BYTES);
  expect(featureBytes({ images: 5, shape: SHAPE, precision: "half" })).toBe(SHARD_BYTES);
});

describe("where there is no room left", () => {
  it("the features that were longest out of use make room, and no others", async () => {
    for (const name of ["one", "two", "three"]) (await store(name)).cache.close();
    lastUsed("one", 2_000);
    lastUsed("two", 1_000);
    lastUsed("three", 3_000);
    const { outcome } = await store("four", 3 * SHARD_BYTES);
    expect(outcome).toMatchObject({ encoded: 5, withoutRoom: 0 });
    expect(["one", "two", "three", "four"].map(isThere)).toEqual([true, false, true, true]);
  });

  it("those that a running trial reads stay, and nothing is written", async () => {
    const { cache } = await store("one");
    const { cache: second, outcome } = await store("two", 2 * SHARD_BYTES - 1);
    expect(outcome).toMatchObject({ encoded: 0, read: 0, withoutRoom: 5 });
    expect(outcome.problem).toContain("room");
    expect(second.has(IDS[0]!)).toBe(false);
    expect(await cache.read(IDS[0]!)).toEqual(cache.round(featuresOf(IDS[0]!)));
    expect(listFeatures(staged.paths(model("two"))).claims).toEqual([]);
  });

  it("nothing is removed if that would not be enough", async () => {
    (await store("idle")).cache.close();
    await store("read");
    const { outcome } = await store("new", 2 * SHARD_BYTES - 1);
    expect(outcome).toMatchObject({ withoutRoom: 5 });
    expect(["idle", "read"].map(isThere)).toEqual([true, true]);
  });

  it("own features stay, also of images that are not asked for", async () => {
    const cache = await staged.open("a", { limitBytes: SHARD_BYTES });
    await cache.encodeMissing(IDS, staged.hooks());
    cache.close();
    const again = await staged.open("b", { limitBytes: SHARD_BYTES });
    const outcome = await again.encodeMissing(imageIds(5, 5), staged.hooks());
    expect(outcome).toMatchObject({ encoded: 0, withoutRoom: 5 });
    expect(IDS.every((id) => again.has(id))).toBe(true);
  });

  it("as much is stored as fits", async () => {
    const ids = imageIds(3 * 64);
    const cache = await staged.open("a", { limitBytes: 2 * shardBytes(64, 12) });
    const outcome = await cache.encodeMissing(ids, staged.hooks());
    expect(outcome).toMatchObject({ encoded: 128, read: 0, withoutRoom: 64 });
    expect(ids.filter((id) => cache.has(id))).toHaveLength(128);
  });

  it("trials that fill together keep the limit", async () => {
    const ids = imageIds(12 * 64);
    const limitBytes = 6 * shardBytes(64, 12);
    const caches = await Promise.all(
      ["a", "b", "c"].map((name) => staged.open(name, { limitBytes })),
    );
    await Promise.all(caches.map((cache) => cache.encodeMissing(ids, staged.hooks())));
    const { directory } = staged.paths();
    const shards = readdirSync(directory).filter((name) => name.endsWith(".shard"));
    const sizes = shards.map((name) => statSync(path.join(directory, name)).size);
    expect(sizes.length).toBeGreaterThanOrEqual(4);
    expect(sizes.reduce((sum, size) => sum + size, 0)).toBeLessThanOrEqual(limitBytes);
    expect(listFeatures(staged.paths())).toMatchObject({ claims: [], partials: [] });
  });

  it("a shard that another is writing counts with all that it will be", async () => {
    const within = async (id: string): Promise<Float32Array> => {
      if (!isThere("two")) {
        expect((await store("two", 2 * SHARD_BYTES - 1)).outcome).toMatchObject({ withoutRoom: 5 });
      }
      return featuresOf(id);
    };
    const cache = await staged.open("t-one", { identity: model("one") });
    expect(await cache.encodeMissing(IDS, staged.hooks({ encode: within }))).toMatchObject({
      encoded: 5,
    });
  });
});

describe("a reader's mark protects no more", () => {
  const check = (title: string, end: (trialDirectory: string) => void) =>
    it(title, async () => {
      await store("one");
      expect(await roomBeside("one")).toBe(false);
      end(staged.trial("t-one"));
      expect(await roomBeside("one")).toBe(true);
      expect(isThere("one")).toBe(false);
    });

  async function roomBeside(name: string): Promise<boolean> {
    const { cache, outcome } = await store(`beside-${name}`, SHARD_BYTES);
    cache.close();
    return outcome.withoutRoom === 0;
  }

  check("when its attempt has an exit record", () => staged.end("t-one"));
  check("when its trial has a higher claim", () => staged.trial("t-one", 2));
  check("when its trial has a result", (directory) =>
    writeFileSync(trialPaths(directory).result, "{}"),
  );
  check("when its trial directory is gone", (directory) => rmSync(directory, { recursive: true }));

  it("but does while nothing says that the attempt is over", async () => {
    await store("one");
    const { claim, directory } = attemptPaths(staged.trial("t-one"), 1);
    rmSync(claim);
    rmSync(directory, { recursive: true });
    expect(await roomBeside("one")).toBe(false);
  });

  it("but does where it cannot be read", async () => {
    (await store("one")).cache.close();
    writeFileSync(path.join(staged.paths(model("one")).readers, "t-9.json"), "torn");
    expect(await roomBeside("one")).toBe(false);
  });
});

describe("what the dead left", () => {
  it("of a key being removed goes first", async () => {
    const left = path.join(staged.directory, ".removed-0123456789abcdef-aa");
    mkdirSync(left, { recursive: true });
    writeFileSync(path.join(left, "0123456789abcdef.shard"), "");
    await store("one");
    expect(readdirSync(staged.directory)).toEqual([
      path.basename(staged.paths(model("one")).directory),
    ]);
  });

  it("of a shard under way yields to what needs room, in any key", async () => {
    let images = 0;
    const encode = async (id: string): Promise<Float32Array> => {
      images += 1;
      if (images === 3) {
        staged.end("t-one");
        const { partials } = listFeatures(staged.paths(model("one")));
        expect(partials).toHaveLength(1);
        expect((await store("two", SHARD_BYTES)).outcome).toMatchObject({ encoded: 5 });
        expect(listFeatures(staged.paths(model("one"))).partials).toEqual([]);
      }
      return featuresOf(id);
    };
    const one = await staged.open("t-one", { identity: model("one") });
    await one.encodeMissing(IDS, staged.hooks({ encode }));
    expect(images).toBeGreaterThanOrEqual(3);
  });

  it("after a shard was published is taken away by who opens the cache next", async () => {
    await store("one");
    const paths = staged.paths(model("one"));
    const [chunk = ""] = listFeatures(paths).shards;
    const names = [`${chunk}.1.claim`, `${chunk}.00112233aabbccdd.partial`];
    for (const name of names) writeFileSync(path.join(paths.directory, name), "");
    await staged.open("b", { identity: model("one") });
    expect(listFeatures(paths)).toEqual({ shards: [chunk], claims: [], partials: [] });
  });
});

// A file system of a few pages needs root, which CI has.
describe.runIf(process.getuid?.() === 0)("on a disk that is full", () => {
  it("what fits is stored, the rest told, and nothing torn is left", async () => {
    const folder = path.join(staged.root, "small");
    mkdirSync(folder);
    execFileSync("mount", ["-t", "tmpfs", "-o", "size=256k", "none", folder]);
    onTestFinished(() => {
      execFileSync("umount", [folder]);
    });
    const ids = imageIds(192);
    // Rows of 1,200 bytes in shards of 64: two shards of 88 KiB fit beside marks and claims.
    const shape = [2, 300] as const;
    const encode = async (id: string): Promise<Float32Array> =>
      Float32Array.from({ length: 600 }, () => featuresOf(id)[0]!);
    const directory = path.join(folder, "features");
    const cache = await staged.open("a", { directory, shape });
    const outcome = await cache.encodeMissing(ids, staged.hooks({ encode }));
    expect(outcome.problem).toContain("ENOSPC");
    expect(outcome).toMatchObject({ encoded: 128, read: 0, withoutRoom: 64 });
    const [key = ""] = readdirSync(directory);
    const names = readdirSync(path.join(directory, key));
    expect(names.filter((name) => !name.endsWith(".shard")).toSorted()).toEqual([
      "identity.json",
      "readers",
    ]);
    const read = await Promise.all(ids.map((id) => cache.read(id)));
    expect(read.filter((features) => features !== null)).toHaveLength(128);
  });
});
