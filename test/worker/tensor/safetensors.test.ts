import { mkdtemp, readFile, rename, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import path from "node:path";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { readSafetensors, writeSafetensors } from "../../../worker/tensor/safetensors.ts";
import { storedValues } from "./stored-values.ts";

let directory: string;
let file: string;
beforeAll(async () => {
  directory = await mkdtemp(path.join(tmpdir(), "qsweep-safetensors-"));
  file = path.join(directory, "model.safetensors");
});
afterAll(() => rm(directory, { recursive: true }));

interface RawFile {
  header: unknown;
  data?: readonly number[];
  /** In place of the header's own length. */
  claimedLength?: bigint;
}

async function writeRaw({ header, data = [], claimedLength }: RawFile): Promise<void> {
  const json = Buffer.from(typeof header === "string" ? header : JSON.stringify(header));
  const length = Buffer.alloc(8);
  length.writeBigUInt64LE(claimedLength ?? BigInt(json.length));
  await writeFile(file, Buffer.concat([length, json, Buffer.from(data)]));
}

async function readAll() {
  const { tensors, metadata } = await readSafetensors(file);
  return { tensors: await storedValues(tensors), metadata };
}

const entry = (dtype: string, shape: number[], data_offsets: number[]) => ({
  dtype,
  shape,
  data_offsets,
});

describe("reading back what was written", () => {
  it("keeps values, shapes and metadata", async () => {
    const tensors = new Map([
      [
        "b",
        { dtype: "float32" as const, shape: [2, 2], data: new Float32Array([1, -0.5, NaN, 3e38]) },
      ],
      ["a", { dtype: "int32" as const, shape: [], data: new Int32Array([-(2 ** 31)]) }],
      ["none", { dtype: "float32" as const, shape: [0, 3], data: new Float32Array(0) }],
    ]);
    await writeSafetensors(file, tensors, { step: "7" });
    expect(await readAll()).toEqual({ tensors, metadata: { step: "7" } });
  });

  it("writes the same bytes whatever the order of the tensors", async () => {
    const a = { dtype: "uint8" as const, shape: [1], data: new Uint8Array([1]) };
    const b = {
      dtype: "uint8" as const,
      shape: [2],
      data: () => Promise.resolve(new Uint8Array(2)),
    };
    await writeSafetensors(
      file,
      new Map<string, typeof a | typeof b>([
        ["a", a],
        ["b", b],
      ]),
    );
    const first = await readFile(file);
    await writeSafetensors(
      file,
      new Map<string, typeof a | typeof b>([
        ["b", b],
        ["a", a],
      ]),
    );
    expect(await readFile(file)).toEqual(first);
  });

  it("writes part of a buffer", async () => {
    const data = new Float32Array([1, 2, 3]).subarray(1, 2);
    await writeSafetensors(file, new Map([["x", { dtype: "float32" as const, shape: [1], data }]]));
    const { tensors } = await readAll();
    expect([...tensors.get("x")!.data]).toEqual([2]);
  });
});

describe("other widths", () => {
  it.each([
    ["F16", [0x00, 0x3c, 0x00, 0xc1, 0x01, 0x00, 0x00, 0xfc], [1, -2.5, 2 ** -24, -Infinity]],
    ["BF16", [0x80, 0x3f, 0x20, 0xc0, 0x00, 0x00, 0x80, 0xff], [1, -2.5, 0, -Infinity]],
    ["I64", [5, 0, 0, 0, 0, 0, 0, 0, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff], [5, -1]],
    ["U8", [0, 255], [0, 255]],
  ])("reads %s", async (dtype, data, expected) => {
    await writeRaw({ header: { x: entry(dtype, [expected.length], [0, data.length]) }, data });
    const { tensors } = await readAll();
    expect([...tensors.get("x")!.data]).toEqual(expected);
  });
});

it("texts that look like names are no names", async () => {
  const x = entry("U8", [1], [0, 1]);
  await writeRaw({ header: { __metadata__: { a: '"x": {', x: '{"x":{' }, x }, data: [7] });
  const { tensors } = await readSafetensors(file);
  expect([...tensors.keys()]).toEqual(["x"]);
});

describe("damaged files are refused by name", () => {
  const four = [0, 0, 0, 0];
  const one = { x: entry("F32", [1], [0, 4]) };

  it.each<[string, RawFile, string]>([
    ["a header longer than the file", { header: {}, claimedLength: 3n }, "a header of 3 bytes"],
    ["an absurd header", { header: {}, claimedLength: 2n ** 40n }, "a header of 1099511627776"],
    ["text that is not JSON", { header: "{" }, "not a JSON object"],
    ["a list as header", { header: [] }, "not a JSON object"],
    ["metadata that are numbers", { header: { __metadata__: { a: 1 } } }, "metadata"],
    ["a truncated tensor", { header: one, data: [0, 0] }, "truncated: it ends within tensor x"],
    [
      "bytes after the last tensor",
      { header: one, data: [...four, 1] },
      "1 bytes that belong to no",
    ],
    [
      "a size that is not the shape's",
      { header: { x: entry("F32", [2], [0, 4]) }, data: four },
      "x 4",
    ],
    [
      "offsets the wrong way round",
      { header: { x: entry("F32", [1], [4, 0]) }, data: four },
      "x -4",
    ],
    [
      "a negative offset",
      { header: { x: entry("F32", [1], [-4, 0]) }, data: four },
      "tensor x wrongly",
    ],
    [
      "a huge shape",
      { header: { x: entry("F32", [2 ** 40, 2 ** 40], [0, 4]) }, data: four },
      "x 4",
    ],
    ["an unknown type", { header: { x: entry("F8_E4M3", [4], [0, 4]) }, data: four }, "F32"],
    [
      "overlapping tensors",
      { header: { ...one, y: entry("F32", [1], [2, 6]) }, data: [...four, 0, 0] },
      "overlap before tensor y",
    ],
    [
      "one name for two tensors",
      { header: `{"x":${JSON.stringify(one.x)},"\\u0078" : ${JSON.stringify(one.x)}}`, data: four },
      "describes tensor \\u0078 twice",
    ],
    ["a gap", { header: { x: entry("F32", [1], [4, 8]) }, data: [...four, ...four] }, "tensor x"],
    [
      "an integer beyond 32 bits",
      { header: { x: entry("I64", [1], [0, 8]) }, data: [0, 0, 0, 0, 1, 0, 0, 0] },
      "tensor x holds integers beyond 32 bits",
    ],
  ])("%s", async (_title, raw, message) => {
    await writeRaw(raw);
    const failure = await readAll().catch((error: unknown) => error);
    expect(failure).toMatchObject({ reason: "file-invalid" });
    expect(String(failure)).toContain(file);
    expect(String(failure)).toContain(message);
  });

  it("an empty file", async () => {
    await writeFile(file, "");
    await expect(readSafetensors(file)).rejects.toThrow("truncated: it has only 0 bytes");
  });

  it.each([
    ["that another has replaced", () => writeRaw({ header: one, data: [1, 2, 3, 4] })],
    ["that is gone", () => rm(file)],
  ])("a file %s before its values are read", async (_title, change) => {
    await writeRaw({ header: one, data: four });
    const { tensors } = await readSafetensors(file);
    await rename(file, `${file}.former`);
    await writeFile(file, "");
    await change();
    const failure = await tensors
      .get("x")!
      .read()
      .catch((error: unknown) => error);
    expect(failure).toMatchObject({ reason: "file-invalid" });
    expect(String(failure)).toContain(file);
  });

  it("a file that is not there", async () => {
    const absent = path.join(directory, "absent.safetensors");
    await expect(readSafetensors(absent)).rejects.toMatchObject({ reason: "file-invalid" });
  });
});
