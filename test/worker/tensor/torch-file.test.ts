import { existsSync } from "node:fs";
import { writeFile } from "node:fs/promises";
import path from "node:path";
import { beforeEach, describe, expect, it } from "vitest";
import { readTorchFile } from "../../../worker/tensor/torch-file.ts";
import { temporaryFolder } from "../data/temporary-folder.ts";
import { storedValues } from "./stored-values.ts";
import { pickle, tensorPickle, torchFile, zipOf, type TensorParts } from "./torch-archive.ts";

let folder: string;
let file: string;
beforeEach(async () => {
  folder = await temporaryFolder();
  file = path.join(folder, "pytorch_model.bin");
});

async function read(bytes: Buffer) {
  await writeFile(file, bytes);
  return storedValues(await readTorchFile(file));
}

const floats = (...values: number[]) => Buffer.from(new Float32Array(values).buffer);
const tensor = (parts?: TensorParts, name = "a") => [pickle.text(name), tensorPickle(parts)];
const four = { 0: floats(1, 2, 3, 4) };

describe("a state dict", () => {
  it("has its tensors by name, with shapes and values", async () => {
    const tensors = await read(torchFile(tensor(), four));
    expect([...tensors]).toEqual([
      ["a", { dtype: "float32", shape: [2, 2], data: new Float32Array([1, 2, 3, 4]) }],
    ]);
  });

  it("may have parameters, and tensors that are parts of one storage", async () => {
    const parameter = pickle.reduce(
      pickle.global("torch._utils", "_rebuild_parameter"),
      pickle.tuple(tensorPickle({ offset: 3, shape: [], stride: [] }), Buffer.from([0x88, 0x4e])),
    );
    const row = tensor({ offset: 1, shape: [1, 3], stride: [9, 1] }, "b");
    const tensors = await read(torchFile([pickle.text("a"), parameter, ...row], four));
    expect([...tensors.get("a")!.data]).toEqual([4]);
    expect([...tensors.get("b")!.data]).toEqual([2, 3, 4]);
  });

  it.each([
    ["HalfStorage", [0x00, 0x3c, 0x00, 0xc1], [1, -2.5]],
    ["BFloat16Storage", [0x80, 0x3f, 0x20, 0xc0], [1, -2.5]],
    ["LongStorage", [5, 0, 0, 0, 0, 0, 0, 0, ...Array.from({ length: 8 }, () => 255)], [5, -1]],
    ["IntStorage", [1, 0, 0, 0, 255, 255, 255, 255], [1, -1]],
    ["ByteStorage", [1, 255], [1, 255]],
    ["BoolStorage", [0, 1], [0, 1]],
  ])("may hold values of %s", async (type, bytes, expected) => {
    const item = tensor({ type, count: 2, shape: [2], stride: [1] });
    const tensors = await read(torchFile(item, { 0: Buffer.from(bytes) }));
    expect([...tensors.get("a")!.data]).toEqual(expected);
  });
});

describe("a pickle that would run something is refused by its name, and runs nothing", () => {
  const planted = (module: string, name: string) => {
    const mark = path.join(folder, "planted");
    const call = pickle.reduce(
      pickle.global(module, name),
      pickle.tuple(pickle.text(`touch ${mark}`)),
    );
    return torchFile([pickle.text("a"), call]);
  };

  it.each([
    ["os", "system"],
    ["posix", "system"],
    ["builtins", "eval"],
    ["__builtin__", "exec"],
    ["torch", "load"],
    ["torch.storage", "_load_from_bytes"],
    ["torch._utils", "_rebuild_device_tensor_from_numpy"],
    ["torch", "os.system Storage"],
  ])("%s.%s", async (module, name) => {
    const failure: unknown = await read(planted(module, name)).catch((error: unknown) => error);
    expect(failure).toMatchObject({ reason: "file-invalid" });
    expect(String(failure)).toContain(`names ${module}.${name}, which is not allowed`);
    expect(existsSync(path.join(folder, "planted"))).toBe(false);
  });

  it("a name of many lines is shown as one", async () => {
    const item = Buffer.from(`cos\nx\u001b[2J${"y".repeat(999)}\n`);
    const failure = await read(torchFile([pickle.text("a"), item])).catch(String);
    expect(failure).toMatch(/names os\.x \[2Jy{100,200}, which/);
  });
});

describe("damaged files are refused by name", () => {
  const check = (title: string, bytes: Buffer, problem: RegExp | string) =>
    it(title, async () => {
      const failure: unknown = await read(bytes).catch((error: unknown) => error);
      expect(failure).toMatchObject({ reason: "file-invalid" });
      expect(String(failure)).toContain(file);
      expect(String(failure)).toMatch(problem);
      expect(String(failure)).not.toContain("\n");
    });
  const raw = (...bytes: number[]) => zipOf([["m/data.pkl", Buffer.from(bytes)]]);

  check("an empty file", Buffer.alloc(0), "truncated: it has only 0 bytes");
  check("the format before zip", Buffer.from([0x80, 2, 0x8a, 10]), /before 1\.6 must be loaded/);
  check("a cut archive", torchFile(tensor(), four).subarray(0, -30), "no end of a zip archive");
  check("another archive", zipOf([["a.txt", Buffer.from("x")]]), "no data.pkl");
  check(
    "a compressed entry",
    zipOf([["m/data.pkl", Buffer.alloc(9)]], { method: 8 }),
    "compressed",
  );
  check(
    "an entry larger than the file",
    zipOf([["m/data.pkl", Buffer.alloc(9)]], { claimedSize: 2 ** 31 }),
    "truncated: it ends within m/data.pkl",
  );
  check(
    "an entry beyond 4 GB",
    zipOf([["m/data.pkl", Buffer.alloc(9)]], { claimedSize: 0xffffffff }),
    "above 4 GB",
  );
  check(
    "a header beyond the end",
    zipOf([["m/data.pkl", Buffer.alloc(9)]], { headerAt: 2 ** 30 }),
    "beyond its end",
  );
  check(
    "overlapping entries",
    zipOf(
      [
        ["m/data.pkl", Buffer.alloc(9)],
        ["m/b", Buffer.alloc(9)],
      ],
      { headerAt: 0 },
    ),
    "overlap",
  );
  check(
    "a name twice",
    zipOf([
      ["m/data.pkl", Buffer.alloc(9)],
      ["m/data.pkl", Buffer.alloc(9)],
    ]),
    "holds m/data.pkl twice",
  );
  check("a pickle that is cut off", raw(0x80, 2, 0x58, 255, 255, 255, 255), "cut off");
  check("an empty pickle", raw(), "cut off");
  check("a pickle without a value", raw(0x80, 2, 0x2e), "damaged pickle");
  check("a pickle that is no dict", raw(0x80, 2, 0x4e, 0x2e), "holds no state dict");
  check("another protocol", raw(0x80, 4), "protocol 4");
  check("an unknown instruction", raw(0x80, 2, 0x93), "instruction 0x93");
  check("a memo that is not there", raw(0x80, 2, 0x68, 7, 0x2e), "damaged pickle");
  check(
    "a value that is no tensor",
    torchFile([pickle.text("epoch"), pickle.integer(3)]),
    "under epoch no tensor",
  );
  check("a tensor twice", torchFile([...tensor(), ...tensor()], four), "tensor a twice");
  check("a storage that is not there", torchFile(tensor({ key: "1" }), four), "no entry data/1");
  check(
    "a key that leaves the folder",
    torchFile(tensor({ key: "../x" }), four),
    "no entry data/..",
  );
  check(
    "a storage of another size",
    torchFile(tensor({ count: 5 }), four),
    "gives data/0 16 bytes; its tensors need 20",
  );
  check("an unknown storage", torchFile(tensor({ type: "QInt8Storage" }), four), "QInt8Storage");
  check(
    "a shape larger than its storage",
    torchFile(tensor({ shape: [2 ** 30, 2 ** 30] }), four),
    "values of a storage of 4",
  );
  check(
    "an offset beyond",
    torchFile(tensor({ offset: 1 }), four),
    "needs 5 values of a storage of 4",
  );
  check("a negative offset", torchFile(tensor({ offset: -1 }), four), "damaged pickle");
  check("a transposed tensor", torchFile(tensor({ stride: [1, 2] }), four), "a is not contiguous");
  check(
    "one value spread over many",
    torchFile(tensor({ shape: [4], stride: [0] }), four),
    "not contiguous",
  );
  check("strides of another shape", torchFile(tensor({ stride: [1] }), four), "fit its strides");
  check(
    "an integer beyond 32 bits",
    torchFile(tensor({ type: "LongStorage", count: 1, shape: [1], stride: [1] }), {
      0: Buffer.from([0, 0, 0, 0, 1, 0, 0, 0]),
    }),
    "beyond 32 bits",
  );
  check(
    "another byte order",
    zipOf([
      ["m/data.pkl", pickle.whole(pickle.dict())],
      ["m/byteorder", Buffer.from("big")],
    ]),
    "little-endian",
  );
});
