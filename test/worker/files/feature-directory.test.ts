import { mkdirSync, writeFileSync } from "node:fs";
import path from "node:path";
import { expect, it } from "vitest";
import {
  claimFile,
  featurePaths,
  featuresDirectory,
  listFeatures,
  listKeys,
  listReaderMarks,
  partialFile,
  readerMark,
  removedDirectory,
  shardFile,
} from "../../../worker/files/feature-directory.ts";
import { temporaryFolder } from "../data/temporary-folder.ts";

const KEY = "0123456789abcdef";
const A = "aaaaaaaaaaaaaaaa";
const B = "bbbbbbbbbbbbbbbb";
const NONCE = "00112233aabbccdd";

it("what is written by its names is listed, and nothing else", async () => {
  const features = featuresDirectory(await temporaryFolder());
  const paths = featurePaths(features, KEY);
  mkdirSync(paths.readers, { recursive: true });
  mkdirSync(removedDirectory(features, KEY, "ff"));
  const mark = readerMark(paths, "t01", 3);
  for (const file of [
    shardFile(paths, B),
    shardFile(paths, A),
    claimFile(paths, B, 10),
    claimFile(paths, B, 9),
    partialFile(paths, B, NONCE),
    mark,
    paths.identity,
    `${claimFile(paths, B, 11)}.4711.0a1b2c3d.tmp`,
    path.join(paths.directory, "notes.shard"),
    path.join(features, "notes"),
  ]) {
    writeFileSync(file, "");
  }
  expect(listFeatures(paths)).toEqual({
    shards: [A, B],
    claims: [
      { chunk: B, number: 9 },
      { chunk: B, number: 10 },
    ],
    partials: [{ chunk: B, nonce: NONCE }],
  });
  const removed = [removedDirectory(features, KEY, "ff")];
  expect(listKeys(features)).toEqual({ keys: [KEY], removed });
  expect(listReaderMarks(paths.directory)).toEqual([mark]);
});

it("what is not there has nothing in it", async () => {
  const features = featuresDirectory(await temporaryFolder());
  const paths = featurePaths(features, KEY);
  expect(listFeatures(paths)).toEqual({ shards: [], claims: [], partials: [] });
  expect(listKeys(features)).toEqual({ keys: [], removed: [] });
  expect(listReaderMarks(paths.directory)).toEqual([]);
});
