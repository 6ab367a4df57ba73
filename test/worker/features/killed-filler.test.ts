import { type ChildProcess, fork } from "node:child_process";
import { once } from "node:events";
import { readdirSync, writeFileSync } from "node:fs";
import path from "node:path";
import { beforeEach, expect, it, onTestFinished } from "vitest";
import type { FillOutcome } from "../../../worker/features/chunk-filler.ts";
import { listFeatures, shardFile } from "../../../worker/files/feature-directory.ts";
import { readShard } from "../../../worker/features/shard-file.ts";
import { featureKey } from "../../../worker/features/feature-layout.ts";
import { featuresOf, IDENTITY, imageIds, SHAPE, StagedFeatures } from "./staged-cache.ts";

/** Three chunks. */
const IDS = imageIds(3 * 64);

let staged: StagedFeatures;
beforeEach(async () => {
  staged = await StagedFeatures.make();
});

/** Says each image it encodes, and at the image number `hangsAt` waits for ever. */
const FILLER = `
import { EncoderCache } from ${JSON.stringify(path.resolve("dist/worker/features/encoder-cache.js"))};
const { options, ids, features, hangsAt } = JSON.parse(process.argv[2]);
const onDamaged = (problem) => { throw new Error(problem); };
const cache = await EncoderCache.open({ ...options, patienceSeconds: Infinity, onDamaged });
let encoded = 0;
const said = (message) => new Promise((resolve) => process.send(message, resolve));
const encode = async ([id]) => {
  await said({ encoding: id });
  if (encoded === hangsAt) await new Promise(() => process.on("message", () => {}));
  encoded += 1;
  return [Float32Array.from(features[id])];
};
const outcome = await cache.encodeMissing(ids, { atOnce: 1, encode, stopped: () => {}, onImage: () => {} });
cache.close();
await said({ outcome, encodedBy: cache.encodedBy(options.reader.trial) });
process.disconnect();
`;

interface Filler {
  child: ChildProcess;
  encoded: string[];
  outcome: FillOutcome | null;
  encodedBy: number | null;
  ended: Promise<unknown>;
}

function fill(trial: string, { attempt = 1, hangsAt = -1 } = {}): Filler {
  const script = path.join(staged.root, "filler.mjs");
  writeFileSync(script, FILLER);
  const reader = { trial, attempt, trialDirectory: staged.trial(trial, attempt) };
  const { directory } = staged;
  const options = { directory, identity: IDENTITY, shape: SHAPE, limitBytes: 2 ** 30, reader };
  const features = Object.fromEntries(IDS.map((id) => [id, [...featuresOf(id)]]));
  const child = fork(script, [JSON.stringify({ options, ids: IDS, features, hangsAt })], {
    execArgv: [],
  });
  onTestFinished(() => {
    child.kill("SIGKILL");
  });
  // Its last messages come before it is disconnected from, and may come after its exit.
  const ended = Promise.all([once(child, "exit"), once(child, "disconnect")]);
  const filler: Filler = { child, encoded: [], outcome: null, encodedBy: null, ended };
  child.on("message", (message: { encoding?: string } & Partial<Filler>) => {
    if (message.encoding !== undefined) filler.encoded.push(message.encoding);
    else Object.assign(filler, message);
  });
  return filler;
}

/** Waits until a filler has begun with so many images. */
async function begun(filler: Filler, images: number): Promise<void> {
  while (filler.encoded.length < images) {
    await Promise.race([once(filler.child, "message"), filler.ended.then(gone)]);
  }
}

function gone(): never {
  throw new Error("the process ended too early");
}

/** Waits until a filler hangs at its image, and kills it. */
async function kill(filler: Filler, hangsAt: number): Promise<void> {
  await begun(filler, hangsAt + 1);
  filler.child.kill("SIGKILL");
  await filler.ended;
}

/** Every image's shard: each is in exactly one. */
async function expectEachOnce(): Promise<void> {
  const paths = staged.paths();
  const format = { key: featureKey(IDENTITY), precision: IDENTITY.precision, shape: SHAPE };
  const shards = listFeatures(paths).shards.map((chunk) => shardFile(paths, chunk));
  const headers = await Promise.all(shards.map((file) => readShard(file, format)));
  const stored = headers.flatMap(({ header }) => header.rows.map(({ id }) => id));
  expect(stored.toSorted()).toEqual(IDS.toSorted());
  const cache = await staged.open("reader");
  for (const id of IDS) expect(await cache.read(id)).toEqual(cache.round(featuresOf(id)));
  cache.close();
  expect(readdirSync(paths.directory).filter((name) => /claim|partial/.test(name))).toEqual([]);
}

it("two processes that begin together encode each image once", async () => {
  const fillers = [fill("a"), fill("b")];
  await Promise.all(fillers.map(({ ended }) => ended));
  const encoded = fillers.flatMap((filler) => filler.encoded);
  expect(encoded.toSorted()).toEqual(IDS.toSorted());
  for (const filler of fillers) {
    expect(filler.outcome).toMatchObject({ encoded: filler.encoded.length, withoutRoom: 0 });
    expect(filler.encodedBy).toBe(filler.encoded.length);
  }
  await expectEachOnce();
});

it("one killed in the middle of a shard loses the image it was at and no others", async () => {
  const killed = fill("a", { hangsAt: 64 + 20 });
  await kill(killed, 64 + 20);
  staged.end("a");
  const next = fill("b");
  await next.ended;
  expect(next.outcome).toEqual({ encoded: 108, read: 84, withoutRoom: 0, problem: null });
  expect(next.encodedBy).toBe(108);
  expect(new Set(next.encoded).size).toBe(108);
  expect(next.encoded.filter((id) => killed.encoded.includes(id))).toEqual(
    killed.encoded.slice(-1),
  );
  await expectEachOnce();
});

it("one killed while another waits for it has its chunk taken over", async () => {
  const killed = fill("a", { hangsAt: 20 });
  await begun(killed, 21);
  const other = fill("b");
  await begun(other, 128);
  killed.child.kill("SIGKILL");
  await killed.ended;
  staged.end("a");
  await other.ended;
  expect(other.outcome).toEqual({ encoded: 172, read: 20, withoutRoom: 0, problem: null });
  await expectEachOnce();
});

it("the next attempt of a killed trial goes on, and counts what both stored", async () => {
  await kill(fill("a", { hangsAt: 2 * 64 + 1 }), 2 * 64 + 1);
  const next = fill("a", { attempt: 2 });
  await next.ended;
  expect(next.outcome).toMatchObject({ encoded: 63, read: 129 });
  expect(next.encodedBy).toBe(192);
  await expectEachOnce();
});
