import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import path from "node:path";
import { afterEach, beforeEach, expect, test } from "vitest";
import { datasetDigest } from "../../../worker/files/dataset-digest.ts";

let root: string;
beforeEach(() => {
  root = mkdtempSync(path.join(tmpdir(), "qsweep-data-"));
  mkdirSync(path.join(root, "annotations"));
  writeFileSync(path.join(root, "annotations", "train.json"), "abc");
  writeFileSync(path.join(root, "annotations", "val.json"), "");
});
afterEach(() => {
  rmSync(root, { recursive: true });
});

test("each split has the SHA-256 of its annotation file", async () => {
  // The values of FIPS 180-2 for "abc" and for nothing.
  expect(await datasetDigest({ root, splits: ["train", "val"] })).toEqual({
    train: "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad",
    val: "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855",
  });
});

test("a split without annotations is named", async () => {
  await expect(datasetDigest({ root, splits: ["train", "test"] })).rejects.toMatchObject({
    reason: "data-missing",
    message: `the data set has no readable ${path.join(root, "annotations", "test.json")}`,
  });
});
