import { createHash } from "node:crypto";
import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import path from "node:path";
import { afterEach, beforeEach, describe, expect, test } from "vitest";
import { modelDigest } from "../../../worker/files/model-digest.ts";

let directory: string;
beforeEach(() => {
  directory = mkdtempSync(path.join(tmpdir(), "qsweep-model-"));
  for (const name of [
    "config.json",
    "preprocessor_config.json",
    "vocab.txt",
    "model.safetensors",
  ]) {
    write(name, name);
  }
});
afterEach(() => {
  rmSync(directory, { recursive: true });
});

function write(name: string, text: string): void {
  writeFileSync(path.join(directory, name), text);
}

function digest(init: "pretrained" | "random" = "pretrained"): Promise<string> {
  return modelDigest({ directory, init });
}

const hex = (text: string) => createHash("sha256").update(text).digest("hex");

test("it is the SHA-256 of the names and SHA-256s of the files", async () => {
  const names = ["config.json", "preprocessor_config.json", "vocab.txt", "model.safetensors"];
  expect(await digest()).toBe(hex(names.map((name) => `${name} ${hex(name)}\n`).join("")));
});

describe("it changes with what defines the model", () => {
  for (const name of [
    "config.json",
    "preprocessor_config.json",
    "vocab.txt",
    "model.safetensors",
  ]) {
    test(name, async () => {
      const before = await digest();
      write(name, "other");
      expect(await digest()).not.toBe(before);
    });
  }
  test("a tokenizer.json beside vocab.txt", async () => {
    const before = await digest();
    write("tokenizer.json", "{}");
    expect(await digest()).not.toBe(before);
  });
});

test("it does not change with other files, nor with weights that are not read", async () => {
  const before = await digest();
  write("README.md", "text");
  write("pytorch_model.bin", "the same weights in another format");
  expect(await digest()).toBe(before);
});

describe("a sharded model", () => {
  const INDEX = "model.safetensors.index.json";
  const SHARDS = ["model-1.safetensors", "model-2.safetensors"];
  beforeEach(() => {
    rmSync(path.join(directory, "model.safetensors"));
    write(INDEX, JSON.stringify({ weight_map: { a: SHARDS[1], b: SHARDS[0], c: SHARDS[1] } }));
    for (const shard of SHARDS) write(shard, shard);
  });

  test("changes with its index and each of its shards, and no other file", async () => {
    const before = await digest();
    write("pytorch_model.bin", "not read");
    write("model-3.safetensors", "not named");
    expect(await digest()).toBe(before);
    for (const shard of SHARDS) {
      write(shard, "other");
      expect(await digest()).not.toBe(before);
      write(shard, shard);
    }
    write(INDEX, JSON.stringify({ weight_map: { a: SHARDS[1], b: SHARDS[0], d: SHARDS[1] } }));
    expect(await digest()).not.toBe(before);
  });

  test("is missing as long as a shard is", async () => {
    rmSync(path.join(directory, SHARDS[0]!));
    await expect(digest()).rejects.toMatchObject({
      reason: "model-missing",
      message: `the model folder ${directory} has no ${SHARDS[0]}`,
    });
  });

  test("takes no part beside a whole file of weights", async () => {
    write("model.safetensors", "model.safetensors");
    const before = await digest();
    rmSync(path.join(directory, INDEX));
    expect(await digest()).toBe(before);
  });
});

test("random weights leave those of the folder out", async () => {
  const before = await digest("random");
  write("model.safetensors", "other");
  expect(await digest("random")).toBe(before);
  rmSync(path.join(directory, "model.safetensors"));
  expect(await digest("random")).toBe(before);
  expect(before).not.toBe(await digest("pretrained").catch(() => "missing"));
});

const checkMissing = (name: string, expected: string) =>
  test(name, async () => {
    rmSync(path.join(directory, name));
    await expect(digest()).rejects.toMatchObject({
      reason: "model-missing",
      message: `the model folder ${directory} has no ${expected}`,
    });
  });

describe("what is missing is named", () => {
  checkMissing("config.json", "config.json");
  checkMissing("preprocessor_config.json", "preprocessor_config.json");
  checkMissing("vocab.txt", "tokenizer.json or vocab.txt");
  checkMissing(
    "model.safetensors",
    "model.safetensors or model.safetensors.index.json or pytorch_model.bin",
  );

  test("the folder", async () => {
    const missing = modelDigest({ directory: path.join(directory, "none"), init: "random" });
    await expect(missing).rejects.toMatchObject({ reason: "model-missing" });
  });
});
