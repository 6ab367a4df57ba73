import { existsSync, readdirSync, readFileSync, rmSync, statSync, writeFileSync } from "node:fs";
import path from "node:path";
import { beforeEach, describe, expect, it } from "vitest";
import type { FillHooks } from "../../../worker/features/chunk-filler.ts";
import { featureBytes } from "../../../worker/features/feature-layout.ts";
import { listFeatures } from "../../../worker/files/feature-directory.ts";
import {
  featuresOf,
  IDENTITY,
  imageIds,
  SHAPE,
  StagedClock,
  StagedFeatures,
} from "./staged-cache.ts";

const FLOAT = { ...IDENTITY, precision: "float" } as const;

let staged: StagedFeatures;
beforeEach(async () => {
  staged = await StagedFeatures.make();
});

/** What stands in the key's directory beside shards, marks and the identity. */
function leftOvers(): string[] {
  return readdirSync(staged.paths().directory).filter(
    (name) => !/\.shard$|^readers$|^identity\.json$/.test(name),
  );
}

describe("features that are stored", () => {
  it("are read as they were, as floats", async () => {
    const cache = await staged.open("a", { identity: FLOAT });
    const ids = imageIds(70);
    const outcome = await cache.encodeMissing(ids, staged.hooks());
    expect(outcome).toEqual({ encoded: 70, read: 0, withoutRoom: 0, problem: null });
    for (const id of ids) expect(await cache.read(id)).toEqual(featuresOf(id));
  });

  it("are the same encoded three at a time, the last ones of a chunk too", async () => {
    const cache = await staged.open("a", { identity: FLOAT });
    const ids = imageIds(70);
    const groups: (readonly string[])[] = [];
    const encode: FillHooks["encode"] = async (some) => {
      groups.push(some);
      return some.map(featuresOf);
    };
    const outcome = await cache.encodeMissing(ids, { ...staged.hooks(), atOnce: 3, encode });
    expect(outcome).toMatchObject({ encoded: 70 });
    expect(groups.flat().toSorted()).toEqual(ids.toSorted());
    expect(groups.filter(({ length }) => length === 3).length).toBeGreaterThan(20);
    for (const id of ids) expect(await cache.read(id)).toEqual(featuresOf(id));
  });

  it("are read as `round` makes them, as halves", async () => {
    const cache = await staged.open("a");
    const ids = imageIds(3);
    await cache.encodeMissing(ids, staged.hooks());
    for (const id of ids) {
      const features = featuresOf(id);
      const read = await cache.read(id);
      expect(read).toEqual(cache.round(features));
      expect(read).not.toEqual(features);
    }
  });

  it("are read by many at once, more than there are files open at a time", async () => {
    const cache = await staged.open("a");
    const ids = imageIds(300);
    await cache.encodeMissing(ids, staged.hooks());
    const read = await Promise.all(ids.map((id) => cache.read(id)));
    expect(read).toEqual(ids.map((id) => cache.round(featuresOf(id))));
  });

  it("are not encoded again, by this trial, its next attempt or another one", async () => {
    const ids = imageIds(70);
    await (await staged.open("a")).encodeMissing(ids, staged.hooks());
    for (const other of [
      await staged.open("a"),
      await staged.open("a", { attempt: 2 }),
      await staged.open("b"),
    ]) {
      expect(ids.every((id) => other.has(id))).toBe(true);
      const outcome = await other.encodeMissing(ids, staged.hooks());
      expect(outcome).toEqual({ encoded: 0, read: 70, withoutRoom: 0, problem: null });
    }
    expect(staged.encoded).toHaveLength(70);
  });

  it("are other ones for another key", async () => {
    await (await staged.open("a")).encodeMissing(imageIds(3), staged.hooks());
    const other = await staged.open("a", { identity: FLOAT });
    expect(other.has(imageIds(1)[0]!)).toBe(false);
  });

  it("leave nothing behind but shards, and what says what they are", async () => {
    const cache = await staged.open("a");
    await cache.encodeMissing(imageIds(70), staged.hooks());
    expect(leftOvers()).toEqual([]);
    expect(listFeatures(staged.paths()).shards).toHaveLength(2);
    const identity: unknown = JSON.parse(readFileSync(staged.paths().identity, "utf8"));
    expect(identity).toEqual({ version: 1, ...IDENTITY });
  });

  it("take on the disk what `plan` says, to a page for each shard", async () => {
    const cache = await staged.open("a");
    await cache.encodeMissing(imageIds(70), staged.hooks());
    const { directory } = staged.paths();
    const sizes = readdirSync(directory)
      .filter((name) => name.endsWith(".shard"))
      .map((name) => statSync(path.join(directory, name)).size);
    const taken = sizes.reduce((sum, size) => sum + size, 0);
    const planned = featureBytes({ images: 70, shape: SHAPE, precision: "half" });
    expect(planned).toBeGreaterThanOrEqual(taken);
    expect(planned - taken).toBeLessThanOrEqual(2 * 4096);
  });

  it("are counted by the trial that made them, over its attempts", async () => {
    const ids = imageIds(100);
    await (await staged.open("a")).encodeMissing(ids.slice(0, 30), staged.hooks());
    await (await staged.open("a", { attempt: 2 })).encodeMissing(ids.slice(0, 40), staged.hooks());
    const other = await staged.open("b");
    await other.encodeMissing(ids, staged.hooks());
    expect([other.encodedBy("a"), other.encodedBy("b"), other.encodedBy("c")]).toEqual([40, 60, 0]);
  });
});

describe("filling", () => {
  it("encodes of a chunk what no shard holds", async () => {
    const ids = imageIds(60).toSorted();
    const cache = await staged.open("a");
    await cache.encodeMissing(ids.slice(10, 20), staged.hooks());
    const outcome = await cache.encodeMissing(ids, staged.hooks());
    expect(outcome).toMatchObject({ encoded: 50, read: 10 });
    expect(staged.encoded.toSorted()).toEqual(ids);
  });

  it("takes an image that is named twice for one", async () => {
    const twice = imageIds(1).concat(imageIds(1));
    const outcome = await (await staged.open("a")).encodeMissing(twice, staged.hooks());
    expect(outcome).toMatchObject({ encoded: 1, read: 0 });
  });

  it("of no images does nothing", async () => {
    const outcome = await (await staged.open("a")).encodeMissing(imageIds(0), staged.hooks());
    expect(outcome).toEqual({ encoded: 0, read: 0, withoutRoom: 0, problem: null });
  });

  it("tells how far it is, image by image, up to all", async () => {
    const seen: number[] = [];
    const onImage = (done: number, total: number): void => {
      expect(total).toBe(70);
      seen.push(done);
    };
    await (await staged.open("a")).encodeMissing(imageIds(70), staged.hooks({ onImage }));
    expect(seen).toEqual(Array.from({ length: 70 }, (_, index) => index + 1));
  });

  it("that is stopped gives its chunk back, and another encodes all of it", async () => {
    const ids = imageIds(20);
    let images = 0;
    const stopped = (): void => {
      if (images === 7) throw new Error("stopped: walltime");
    };
    const encode = async (id: string): Promise<Float32Array> => {
      images += 1;
      return featuresOf(id);
    };
    const first = await staged.open("a");
    const stopping = first.encodeMissing(ids, staged.hooks({ stopped, encode }));
    await expect(stopping).rejects.toThrow("stopped: walltime");
    expect(leftOvers()).toEqual([]);
    const outcome = await (await staged.open("b")).encodeMissing(ids, staged.hooks());
    expect(outcome).toMatchObject({ encoded: 20, problem: null });
  });

  it("passes on what the encoder throws, and leaves nothing behind", async () => {
    const encode = (): Promise<never> =>
      Promise.reject(Object.assign(new Error("no image"), { code: "ENOENT" }));
    const failing = (await staged.open("a")).encodeMissing(imageIds(2), staged.hooks({ encode }));
    await expect(failing).rejects.toThrow("no image");
    expect(leftOvers()).toEqual([]);
  });

  it("refuses features of another shape", async () => {
    const encode = async (): Promise<Float32Array> => new Float32Array(5);
    const failing = (await staged.open("a")).encodeMissing(imageIds(2), staged.hooks({ encode }));
    await expect(failing).rejects.toThrow("features of 2 × 3 have 5 values");
  });
});

describe("trials that fill together", () => {
  it.each([2, 4])("%i of them encode each image once", async (count) => {
    const ids = imageIds(1000);
    const caches = await Promise.all(
      Array.from({ length: count }, (_, trial) => staged.open(`trial${trial}`)),
    );
    const outcomes = await Promise.all(
      caches.map((cache) => cache.encodeMissing(ids, staged.hooks())),
    );
    expect(staged.encoded.toSorted()).toEqual(ids.toSorted());
    for (const { encoded, read, problem } of outcomes) {
      expect(encoded + read).toBe(1000);
      expect(encoded).toBeGreaterThan(0);
      expect(problem).toBe(null);
    }
    const counts = caches.map((cache, trial) => cache.encodedBy(`trial${trial}`));
    expect(counts).toEqual(outcomes.map(({ encoded }) => encoded));
    expect(leftOvers()).toEqual([]);
  });

  it("wait for a chunk that another is at, and are stopped there too", async () => {
    const ids = imageIds(5);
    const clock = new StagedClock();
    const waiting = await staged.open("b", { clock });
    const stopped = (): void => {
      if (clock.waits === 3) throw new Error("stopped: stop");
    };
    const encode = async (id: string): Promise<Float32Array> => {
      if (clock.waits === 0) {
        const filling = waiting.encodeMissing(ids, staged.hooks({ stopped }));
        await expect(filling).rejects.toThrow("stopped: stop");
      }
      return featuresOf(id);
    };
    const outcome = await (await staged.open("a")).encodeMissing(ids, staged.hooks({ encode }));
    expect(outcome).toMatchObject({ encoded: 5 });
    expect(staged.encoded).toEqual([]);
  });
});

describe("an owner of a chunk", () => {
  const PATIENCE = 30;

  /** Fills as trial b while trial a is at its image number `at`, and then lets a go on. */
  async function fillWithin(
    at: number,
    other: () => Promise<unknown>,
  ): Promise<{ outcome: unknown; images: number }> {
    let images = 0;
    const encode = async (id: string): Promise<Float32Array> => {
      if (images === at) await other();
      images += 1;
      return featuresOf(id);
    };
    const outcome = await (
      await staged.open("a")
    ).encodeMissing(imageIds(5), staged.hooks({ encode }));
    return { outcome, images };
  }

  it("that is silent for too long is superseded, and does no harm when it goes on", async () => {
    const clock = new StagedClock();
    const cache = await staged.open("b", { clock, patienceSeconds: PATIENCE });
    const { outcome, images } = await fillWithin(2, async () => {
      const second = await cache.encodeMissing(imageIds(5), staged.hooks());
      // The two images that it had stored are not encoded again.
      expect(second).toMatchObject({ encoded: 3, read: 2, problem: null });
    });
    expect([cache.encodedBy("a"), cache.encodedBy("b")]).toEqual([2, 3]);
    expect(clock.seconds).toBe(PATIENCE);
    // It finishes the image it was at, and finds the chunk done.
    expect(images).toBe(3);
    expect(outcome).toEqual({ encoded: 0, read: 5, withoutRoom: 0, problem: null });
    expect(listFeatures(staged.paths()).shards).toHaveLength(1);
    expect(leftOvers()).toEqual([]);
  });

  it("that goes on, however slowly, is not superseded", async () => {
    const clock = new StagedClock();
    const waiting = await staged.open("b", { clock, patienceSeconds: PATIENCE });
    // The owner's disk is not what is tested: time stands still until it is at its next image.
    let encodeNext = (): void => {};
    let atNext = (): void => {};
    let owned: Promise<unknown> | null = null;
    const waiters: Promise<unknown>[] = [];
    clock.onWait = async () => {
      if (clock.seconds === 0 || clock.seconds % (PATIENCE - 1) > 0) return;
      const isAtNext = new Promise<void>((resolve) => {
        atNext = resolve;
      });
      encodeNext();
      await Promise.race([isAtNext, owned]);
    };
    const encode = async (id: string): Promise<Float32Array> => {
      const mayEncode = new Promise<void>((resolve) => {
        encodeNext = resolve;
      });
      if (waiters.length === 0) waiters.push(waiting.encodeMissing(imageIds(5), staged.hooks()));
      atNext();
      await mayEncode;
      return featuresOf(id);
    };
    const owner = await staged.open("a");
    owned = owner.encodeMissing(imageIds(5), staged.hooks({ encode }));
    expect(await owned).toMatchObject({ encoded: 5 });
    expect(await Promise.all(waiters)).toMatchObject([{ encoded: 0, read: 5 }]);
    expect(clock.seconds).toBeGreaterThan(3 * PATIENCE);
  });

  it("that is known to be over is not waited for", async () => {
    const clock = new StagedClock();
    const cache = await staged.open("b", { clock });
    await fillWithin(3, async () => {
      staged.end("a");
      await cache.encodeMissing(imageIds(5), staged.hooks());
    });
    expect(clock.waits).toBe(0);
  });

  it("is not waited for by the next attempt of its trial", async () => {
    const clock = new StagedClock();
    await fillWithin(3, async () => {
      const next = await staged.open("a", { attempt: 2, clock });
      await next.encodeMissing(imageIds(5), staged.hooks());
    });
    expect(clock.waits).toBe(0);
  });
});

describe("a user who removes all features", () => {
  it("makes them absent", async () => {
    const cache = await staged.open("a");
    const ids = imageIds(3);
    await cache.encodeMissing(ids, staged.hooks());
    rmSync(staged.directory, { recursive: true });
    expect(await Promise.all(ids.map((id) => cache.read(id)))).toEqual([null, null, null]);
    expect(ids.some((id) => cache.has(id))).toBe(false);
    expect(staged.damaged).toEqual([]);
  });

  it("has them stored again by those who fill", async () => {
    const cache = await staged.open("a");
    await cache.encodeMissing(imageIds(3), staged.hooks());
    rmSync(staged.directory, { recursive: true });
    expect(await cache.encodeMissing(imageIds(3), staged.hooks())).toMatchObject({ encoded: 3 });
    expect(readdirSync(staged.paths().readers)).toEqual(["a-1.json"]);
  });

  it("while a shard is written costs that shard only", async () => {
    let removed = false;
    const encode = async (id: string): Promise<Float32Array> => {
      if (!removed) rmSync(staged.directory, { recursive: true });
      removed = true;
      return featuresOf(id);
    };
    const cache = await staged.open("a");
    const outcome = await cache.encodeMissing(imageIds(3), staged.hooks({ encode }));
    expect(outcome).toEqual({ encoded: 3, read: 0, withoutRoom: 0, problem: null });
  });

  it("again and again stops the writing, not the trial", async () => {
    const encode = async (id: string): Promise<Float32Array> => {
      rmSync(staged.directory, { recursive: true, force: true });
      return featuresOf(id);
    };
    const cache = await staged.open("a");
    const outcome = await cache.encodeMissing(imageIds(3), staged.hooks({ encode }));
    expect(outcome).toMatchObject({ encoded: 0, read: 0, withoutRoom: 3 });
    expect(outcome.problem).toContain("again and again");
  });
});

it("closing takes the reader's mark away", async () => {
  const cache = await staged.open("a");
  const mark = path.join(staged.paths().readers, "a-1.json");
  expect(existsSync(mark)).toBe(true);
  cache.close();
  expect(existsSync(mark)).toBe(false);
});

it("where nothing can be written, nothing is stored, and that is told", async () => {
  const directory = path.join(staged.root, "features");
  writeFileSync(directory, "a file");
  const cache = await staged.open("a");
  const outcome = await cache.encodeMissing(imageIds(2), staged.hooks());
  expect(outcome).toMatchObject({ encoded: 0, read: 0, withoutRoom: 2 });
  expect(outcome.problem).toContain(directory);
  expect(await cache.read(imageIds(1)[0]!)).toBe(null);
  cache.close();
});
