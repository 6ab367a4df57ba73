import { appendFile, mkdtemp, readdir, rm, stat, truncate, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import path from "node:path";
import { afterEach, beforeEach, describe, expect, it } from "vitest";
import {
  readManifest,
  verifyCheckpoint,
  writeCheckpoint,
} from "../../../worker/train/checkpoint.ts";
import { manifestFields } from "./planted-checkpoint.ts";

let parent: string;

beforeEach(async () => {
  parent = await mkdtemp(path.join(tmpdir(), "qsweep-checkpoint-"));
});

afterEach(async () => {
  await rm(parent, { recursive: true });
});

const write = (name: string, fill: (directory: string) => Promise<void>) =>
  writeCheckpoint({ parent, name, manifest: manifestFields({ step: 4 }), fill });
const manifest = (directory: string) => path.join(directory, "manifest.json");
const weights = (directory: string) => writeFile(path.join(directory, "weights"), "abc");

describe("writeCheckpoint", () => {
  it("records size and SHA-256 of each file", async () => {
    const { directory, bytes } = await write("step-4", weights);
    expect(bytes).toBe(3);
    const { step, files } = await verifyCheckpoint(directory);
    expect(step).toBe(4);
    // FIPS 180-2, appendix B.1.
    const sha256 = "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad";
    expect(files).toEqual({ weights: { bytes: 3, sha256 } });
  });

  it.each(["ENOSPC", "EDQUOT"])(
    "keeps the checkpoint before and leaves nothing else when the disk is full (%s)",
    async (code) => {
      const before = await write("step-4", weights);
      const writing = write("step-8", async (directory) => {
        await weights(directory);
        throw Object.assign(new Error("write"), { code });
      });
      await expect(writing).rejects.toMatchObject({ reason: "disk-full" });
      expect(await readdir(parent)).toEqual(["step-4"]);
      expect((await verifyCheckpoint(before.directory)).step).toBe(4);
    },
  );

  it("is not there under its name before it is complete", async () => {
    let during: string[] = [];
    await write("step-4", async (directory) => {
      await weights(directory);
      during = await readdir(parent);
    });
    expect(during).toHaveLength(1);
    expect(during[0]).toMatch(/^\./);
    expect(await readdir(parent)).toEqual(["step-4"]);
  });

  it("passes other errors on unchanged", async () => {
    const error = new Error("a bug");
    await expect(write("step-4", () => Promise.reject(error))).rejects.toBe(error);
  });
});

describe("verifyCheckpoint", () => {
  it.each([
    ["a file is missing", (at: string) => rm(path.join(at, "weights")), "weights is missing"],
    [
      "a file is cut short",
      (at: string) => truncate(path.join(at, "weights"), 2),
      "weights has 2 bytes, not 3",
    ],
    [
      "a file has grown",
      (at: string) => appendFile(path.join(at, "weights"), "d"),
      "weights has 4 bytes, not 3",
    ],
    [
      "a byte differs",
      (at: string) => writeFile(path.join(at, "weights"), "abd"),
      "weights is damaged",
    ],
    ["the manifest is missing", (at: string) => rm(manifest(at)), "manifest.json is missing"],
    [
      "the manifest is cut short",
      (at: string) => truncate(manifest(at), 100),
      "manifest.json is unreadable",
    ],
    [
      "the manifest is of another kind",
      (at: string) => writeFile(manifest(at), "{}"),
      "unreadable",
    ],
  ] as const)("refuses a checkpoint when %s", async (_, damage, problem) => {
    const { directory } = await write("step-4", weights);
    await damage(directory);
    const verifying = verifyCheckpoint(directory);
    await expect(verifying).rejects.toMatchObject({ reason: "file-invalid" });
    await expect(verifying).rejects.toThrow(problem);
  });

  it("refuses a manifest that names files elsewhere", async () => {
    const { directory } = await write("step-4", weights);
    const complete = { ...(await readManifest(directory)) };
    const { size: bytes } = await stat(manifest(directory));
    const files = { "../step-4/manifest.json": { bytes, sha256: "" } };
    await writeFile(manifest(directory), JSON.stringify({ ...complete, files }));
    await expect(verifyCheckpoint(directory)).rejects.toThrow("no plain file name");
  });
});
