import { type StoredTensor, storedTensor } from "./safetensors.ts";
import { PickleProblem, unpickleStateDict } from "./state-dict-pickle.ts";
import type { PickledStorage, PickledTensor } from "./state-dict-pickle.ts";
import { BYTES_PER_STORED_VALUE, type StoredDtype } from "./stored-dtype.ts";
import { invalidFile, TensorFile } from "./tensor-file.ts";
import { readZipEntries, type ZipEntry } from "./zip-entries.ts";

const MAX_PICKLE_BYTES = 64 * 2 ** 20;
const MAX_DIMENSIONS = 16;
const ZIP_START = 0x04034b50;

const DTYPES: Readonly<Record<string, StoredDtype>> = {
  FloatStorage: "F32",
  HalfStorage: "F16",
  BFloat16Storage: "BF16",
  IntStorage: "I32",
  LongStorage: "I64",
  ByteStorage: "U8",
  BoolStorage: "BOOL",
};

/**
 * Reads a state dict as `torch.save` writes it (`pytorch_model.bin`), with the value types of
 * `readSafetensors`. The pickle in it is only read: nothing of it is run. Throws Failure
 * `file-invalid` naming the file, and the tensor or the global at fault.
 */
export function readTorchFile(path: string): Promise<Map<string, StoredTensor>> {
  return TensorFile.use(path, async (file) => {
    await checkFormat(file);
    const archive = await openArchive(file);
    const tensors = new Map<string, StoredTensor>();
    for (const [name, tensor] of readPickle(path, await archive.content("data.pkl"))) {
      const problem = layoutProblem(tensor);
      if (problem !== null) throw invalidFile(path, `tensor ${name} ${problem}`);
      const { storage, offset, shape } = tensor;
      const { dtype, start } = storagePlace(archive, storage);
      const width = BYTES_PER_STORED_VALUE[dtype];
      const place = { position: start + offset * width, bytes: elements(shape) * width };
      tensors.set(name, storedTensor(file, { name, dtype, shape, ...place }));
    }
    return tensors;
  });
}

async function checkFormat(file: TensorFile): Promise<void> {
  if (file.size < 4) throw invalidFile(file.path, `is truncated: it has only ${file.size} bytes`);
  const start = new DataView((await file.bytes(0, 4)).buffer).getUint32(0, true);
  if (start === ZIP_START) return;
  throw invalidFile(
    file.path,
    "is no zip archive; one written by PyTorch before 1.6 must be loaded and saved again",
  );
}

/** The entries under the archive's one folder. */
interface Archive {
  path: string;
  entry(name: string): ZipEntry;
  content(name: string): Promise<Uint8Array<ArrayBuffer>>;
}

async function openArchive(file: TensorFile): Promise<Archive> {
  const { path } = file;
  const entries = await readZipEntries(file);
  const folder = [...entries.keys()].find((name) => name.endsWith("/data.pkl"))?.slice(0, -8);
  if (folder === undefined) throw invalidFile(path, "has no data.pkl: it is no PyTorch file");
  const entry = (name: string): ZipEntry => {
    const found = entries.get(folder + name);
    if (found === undefined) throw invalidFile(path, `has no entry ${name}`);
    return found;
  };
  const archive: Archive = {
    path,
    entry,
    content: (name) => {
      const { position, size } = entry(name);
      return file.bytes(position, size);
    },
  };
  if (entry("data.pkl").size > MAX_PICKLE_BYTES) {
    throw invalidFile(path, `has a data.pkl of ${entry("data.pkl").size} bytes`);
  }
  const order = entries.has(`${folder}byteorder`) ? await archive.content("byteorder") : null;
  if (order !== null && new TextDecoder().decode(order) !== "little") {
    throw invalidFile(path, "holds its values in another byte order than little-endian");
  }
  return archive;
}

function readPickle(path: string, bytes: Uint8Array): Map<string, PickledTensor> {
  try {
    return unpickleStateDict(bytes);
  } catch (error) {
    if (error instanceof PickleProblem) throw invalidFile(path, error.message);
    throw error;
  }
}

/** Why a tensor is not a run of consecutive values of its storage, or null. */
function layoutProblem({ storage, offset, shape, stride }: PickledTensor): string | null {
  if (shape.length !== stride.length || shape.length > MAX_DIMENSIONS) {
    return "has a shape that does not fit its strides";
  }
  const size = elements(shape);
  if (offset + size > storage.count) {
    return `needs ${offset + size} values of a storage of ${storage.count}`;
  }
  let expected = 1;
  for (let axis = shape.length - 1; axis >= 0; axis -= 1) {
    if (size > 0 && shape[axis] !== 1 && stride[axis] !== expected) {
      return "is not contiguous: save it after .contiguous()";
    }
    expected *= shape[axis]!;
  }
  return null;
}

/** Where a storage's values start, once their number is seen to be right. */
function storagePlace(
  archive: Archive,
  { type, key, count }: PickledStorage,
): { dtype: StoredDtype; start: number } {
  const dtype = DTYPES[type];
  if (dtype === undefined) throw invalidFile(archive.path, `holds a ${type}, which is not read`);
  const name = `data/${key}`;
  const { position, size } = archive.entry(name);
  const expected = count * BYTES_PER_STORED_VALUE[dtype];
  if (size !== expected) {
    throw invalidFile(archive.path, `gives ${name} ${size} bytes; its tensors need ${expected}`);
  }
  return { dtype, start: position };
}

function elements(shape: readonly number[]): number {
  return shape.reduce((product, size) => product * size, 1);
}
