import { open } from "node:fs/promises";
import { z } from "zod";
import {
  BYTES_PER_STORED_VALUE,
  DECODED_DTYPE,
  decodeTensorBytes,
  StoredDtype,
} from "./stored-dtype.ts";
import type { TensorValues } from "./stored-dtype.ts";
import { invalidFile as invalid, TensorFile } from "./tensor-file.ts";

/** A tensor of a file. */
export interface StoredTensor {
  dtype: TensorValues["dtype"];
  shape: number[];
  /** Reads its values, so that few are in memory at a time. Throws Failure `file-invalid`. */
  read: () => Promise<TensorValues>;
}

export interface Safetensors {
  tensors: Map<string, StoredTensor>;
  metadata: Record<string, string>;
}

type TypedArray = Float32Array | Int32Array | Uint8Array;

/** A tensor to write; a function is asked when its turn comes, so that few are held at a time. */
export interface TensorToWrite {
  dtype: TensorValues["dtype"];
  shape: readonly number[];
  data: TypedArray | (() => Promise<TypedArray>);
}

const LENGTH_BYTES = 8;
const MAX_HEADER_BYTES = 100_000_000;
const ALIGNMENT = 8;
const WRITTEN_DTYPE = { float32: "F32", int32: "I32", uint8: "U8" } as const;
const BYTES_PER_VALUE = { float32: 4, int32: 4, uint8: 1 } as const;

const offset = z.number().int().nonnegative();
const HeaderEntry = z.object({
  dtype: StoredDtype,
  shape: z.array(offset).max(16),
  data_offsets: z.tuple([offset, offset]),
});

interface Extent {
  name: string;
  dtype: StoredDtype;
  shape: number[];
  begin: number;
  end: number;
}

/**
 * Reads what a safetensors file holds: F32, F16 and BF16 become float32, I32 and I64 int32, U8 and
 * BOOL uint8. Every length is checked against the file's size before memory is taken.
 * Throws Failure `file-invalid` naming the file, and the tensor where one is at fault.
 */
export function readSafetensors(path: string): Promise<Safetensors> {
  return TensorFile.use(path, async (file) => {
    const { extents, metadata, dataStart } = await readHeader(file);
    const tensors = new Map<string, StoredTensor>();
    for (const { name, dtype, shape, begin, end } of extents) {
      const place = { position: dataStart + begin, bytes: end - begin };
      tensors.set(name, storedTensor(file, { name, dtype, shape, ...place }));
    }
    return { tensors, metadata };
  });
}

/** A tensor whose values are these bytes of a file; they have been compared with its size. */
export function storedTensor(
  file: TensorFile,
  place: { name: string; dtype: StoredDtype; shape: number[]; position: number; bytes: number },
): StoredTensor {
  const { name, dtype, shape, position, bytes } = place;
  const read = async (): Promise<TensorValues> => {
    const { buffer } = await file.bytesLater(position, bytes);
    const values = decodeTensorBytes(dtype, buffer);
    if (values === null) throw invalid(file.path, `tensor ${name} holds integers beyond 32 bits`);
    return values;
  };
  return { dtype: DECODED_DTYPE[dtype], shape, read };
}

/**
 * Writes a safetensors file, names in sorted order, so that equal tensors give equal bytes.
 * Not atomic and not synced: that is the caller's part. Errors are those of the file system.
 */
export async function writeSafetensors(
  path: string,
  tensors: ReadonlyMap<string, TensorToWrite>,
  metadata: Record<string, string> = { format: "pt" },
): Promise<void> {
  const names = [...tensors.keys()].toSorted();
  const header: Record<string, unknown> = { __metadata__: metadata };
  let end = 0;
  for (const name of names) {
    const { dtype, shape } = tensors.get(name)!;
    const begin = end;
    end += elements(shape) * BYTES_PER_VALUE[dtype];
    header[name] = { dtype: WRITTEN_DTYPE[dtype], shape, data_offsets: [begin, end] };
  }
  const file = await open(path, "w");
  try {
    await file.writeFile(headerBytes(header));
    for (const name of names) {
      const { dtype, shape, data } = tensors.get(name)!;
      const values = typeof data === "function" ? await data() : data;
      if (values.byteLength !== elements(shape) * BYTES_PER_VALUE[dtype]) {
        throw new Error(
          `tensor ${name}: ${values.length} values do not fill shape [${shape.join()}]`,
        );
      }
      await file.writeFile(new Uint8Array(values.buffer, values.byteOffset, values.byteLength));
    }
  } finally {
    await file.close();
  }
}

async function readHeader(file: TensorFile) {
  const { path, size } = file;
  if (size < LENGTH_BYTES) throw invalid(path, `is truncated: it has only ${size} bytes`);
  const lengthBytes = await file.bytes(0, LENGTH_BYTES);
  const length = Number(new DataView(lengthBytes.buffer).getBigUint64(0, true));
  if (length > MAX_HEADER_BYTES || length > size - LENGTH_BYTES) {
    throw invalid(path, `claims a header of ${length} bytes in a file of ${size}`);
  }
  const json = await file.bytes(LENGTH_BYTES, length);
  const dataStart = LENGTH_BYTES + length;
  const { extents, metadata } = parseHeader(new TextDecoder().decode(json), path);
  checkTiling(extents, { path, dataBytes: size - dataStart });
  return { extents, metadata, dataStart };
}

function parseHeader(json: string, path: string) {
  let header: Record<string, unknown>;
  try {
    header = z.record(z.string(), z.unknown()).parse(JSON.parse(json));
  } catch {
    throw invalid(path, "has a header that is not a JSON object");
  }
  const twice = repeatedName(json);
  if (twice !== undefined) throw invalid(path, `describes tensor ${twice} twice`);
  const { __metadata__: rawMetadata = {}, ...entries } = header;
  const metadata = z.record(z.string(), z.string()).safeParse(rawMetadata);
  if (!metadata.success) throw invalid(path, "has metadata that are not texts");
  const extents = Object.entries(entries).map(([name, entry]) => parseExtent(name, entry, path));
  return { extents, metadata: metadata.data };
}

/** A name that a valid JSON text gives to two objects: parsing drops the first without a word. */
function repeatedName(json: string): string | undefined {
  const seen = new Set<string>();
  for (const [, name, opens] of json.matchAll(/"((?:[^"\\]|\\.)*)"(\s*:\s*\{)?/g)) {
    if (opens === undefined || name === undefined) continue;
    const before = seen.size;
    if (seen.add(JSON.parse(`"${name}"`)).size === before) return name;
  }
  return undefined;
}

function parseExtent(name: string, entry: unknown, path: string): Extent {
  const parsed = HeaderEntry.safeParse(entry);
  if (!parsed.success) {
    const { path: at, message } = parsed.error.issues[0]!;
    throw invalid(path, `describes tensor ${name} wrongly: ${at.join(".")}: ${message}`);
  }
  const { dtype, shape, data_offsets } = parsed.data;
  const [begin, end] = data_offsets;
  const expected = elements(shape) * BYTES_PER_STORED_VALUE[dtype];
  if (end - begin !== expected) {
    throw invalid(path, `gives tensor ${name} ${end - begin} bytes; its shape needs ${expected}`);
  }
  return { name, dtype, shape, begin, end };
}

/** The format has neither gaps nor overlaps: the tensors fill the data area exactly. */
function checkTiling(extents: Extent[], { path, dataBytes }: { path: string; dataBytes: number }) {
  let position = 0;
  for (const { name, begin, end } of extents.toSorted(
    (a, b) => a.begin - b.begin || a.end - b.end,
  )) {
    if (begin !== position) throw invalid(path, `has a gap or an overlap before tensor ${name}`);
    if (end > dataBytes) throw invalid(path, `is truncated: it ends within tensor ${name}`);
    position = end;
  }
  if (position !== dataBytes) {
    throw invalid(path, `has ${dataBytes - position} bytes that belong to no tensor`);
  }
}

function headerBytes(header: Record<string, unknown>): Uint8Array {
  const json = new TextEncoder().encode(JSON.stringify(header));
  const padded = Math.ceil(json.length / ALIGNMENT) * ALIGNMENT;
  const bytes = new Uint8Array(LENGTH_BYTES + padded).fill(0x20);
  new DataView(bytes.buffer).setBigUint64(0, BigInt(padded), true);
  bytes.set(json, LENGTH_BYTES);
  return bytes;
}

function elements(shape: readonly number[]): number {
  return shape.reduce((product, size) => product * size, 1);
}
