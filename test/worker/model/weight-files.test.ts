import { writeFile } from "node:fs/promises";
import path from "node:path";
import * as tf from "@tensorflow/tfjs-core";
import { beforeAll, beforeEach, describe, expect, it } from "vitest";
import { readModelWeights, takeWeights } from "../../../worker/model/weight-files.ts";
import { loadEngine } from "../../../worker/tensor/backend.ts";
import { type StoredTensor, writeSafetensors } from "../../../worker/tensor/safetensors.ts";
import { temporaryFolder } from "../data/temporary-folder.ts";
import { pickle, tensorPickle, torchFile } from "../tensor/torch-archive.ts";

let folder: string;
beforeEach(async () => {
  folder = await temporaryFolder();
});

/** Writes a file of tensors with one value each. */
async function write(file: string, values: Record<string, number>): Promise<void> {
  const tensors = Object.entries(values).map(
    ([name, value]) =>
      [name, { dtype: "float32" as const, shape: [1], data: new Float32Array([value]) }] as const,
  );
  await writeSafetensors(path.join(folder, file), new Map(tensors));
}

async function writePickle(value: number): Promise<void> {
  const data = { 0: Buffer.from(new Float32Array([value]).buffer) };
  const tensor = tensorPickle({ count: 1, shape: [1], stride: [1] });
  const bytes = torchFile([pickle.text("a"), tensor], data);
  await writeFile(path.join(folder, "pytorch_model.bin"), bytes);
}

const index = (weight_map: Record<string, string>) =>
  writeFile(path.join(folder, "model.safetensors.index.json"), JSON.stringify({ weight_map }));

async function firstValues(): Promise<Record<string, number>> {
  const weights = await readModelWeights(folder);
  const values: Record<string, number> = {};
  for (const [name, { read }] of weights) values[name] = (await read()).data[0]!;
  return values;
}

describe("the weights of a folder", () => {
  it("are those of model.safetensors, else of the shards, else of the pickle", async () => {
    await writePickle(1);
    expect(await firstValues()).toEqual({ a: 1 });
    await index({ a: "one.safetensors", b: "two.safetensors" });
    await write("one.safetensors", { a: 2 });
    await write("two.safetensors", { b: 3 });
    expect(await firstValues()).toEqual({ a: 2, b: 3 });
    await write("model.safetensors", { a: 4 });
    expect(await firstValues()).toEqual({ a: 4 });
  });

  it("are missed by the names they could have", async () => {
    await expect(firstValues()).rejects.toMatchObject({
      reason: "model-missing",
      message: expect.stringMatching(/model\.safetensors or .*index\.json or pytorch_model\.bin/),
    });
  });
});

describe("shards that do not fit their index are named", () => {
  it.each([
    ["a tensor that none holds", { a: 1 }, { b: 2 }, /two\.safetensors lacks c/],
    ["a tensor in two", { a: 1, b: 1 }, { b: 2, c: 1 }, /one\.sa.* holds b, which it has two\.sa/],
    ["another tensor", { a: 1, x: 1 }, { b: 2, c: 1 }, /one.* holds x, which it has nowhere/],
  ])("%s", async (_title, one, two, message) => {
    await index({ a: "one.safetensors", b: "two.safetensors", c: "two.safetensors" });
    await write("one.safetensors", one);
    await write("two.safetensors", two);
    await expect(firstValues()).rejects.toMatchObject({
      reason: "model-invalid",
      message: expect.stringMatching(message),
    });
  });

  it("a shard that is not there", async () => {
    await index({ a: "one.safetensors" });
    await expect(firstValues()).rejects.toThrow(/one\.safetensors cannot be opened \(ENOENT\)/);
  });

  it.each(["../one.safetensors", "/etc/passwd", "sub/one.safetensors", ".."])(
    "a shard called %s",
    async (name) => {
      await index({ a: name });
      await expect(firstValues()).rejects.toMatchObject({ reason: "file-invalid" });
    },
  );
});

describe("values that are no numbers", () => {
  beforeAll(() => loadEngine());

  it.each([NaN, Infinity, -Infinity])("%s is refused by the tensor's name", async (value) => {
    const tensor = (...values: number[]): StoredTensor => ({
      dtype: "float32",
      shape: [values.length],
      read: () => Promise.resolve({ dtype: "float32", data: new Float32Array(values) }),
    });
    const stored = new Map(Object.entries({ a: tensor(0), b: tensor(1, 2, value, 4) }));
    const shapes = new Map(Object.entries({ a: [1], b: [4] }));
    const { numTensors } = tf.memory();
    const taken = takeWeights(stored, { shapes, ignored: /^$/, source: "model" });
    await expect(taken).rejects.toThrow(
      `the weights of model are damaged: b holds ${value} at position 2`,
    );
    expect(tf.memory().numTensors).toBe(numTensors);
  });
});
