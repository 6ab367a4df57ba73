import { invalidFile, type TensorFile } from "./tensor-file.ts";

/** Bytes of a file that a zip archive stores under a name, as they are. */
export interface ZipEntry {
  position: number;
  size: number;
}

const END_SIGNATURE = 0x06054b50;
const END_BYTES = 22;
const ENTRY_SIGNATURE = 0x02014b50;
const ENTRY_BYTES = 46;
const LOCAL_SIGNATURE = 0x04034b50;
const LOCAL_BYTES = 30;
const MAX_COMMENT_BYTES = 65_535;
const MAX_DIRECTORY_BYTES = 64 * 2 ** 20;
/** Where 32 bits do not do, the format has this and the number elsewhere. */
const BEYOND_32_BITS = 0xffffffff;
const ENCRYPTED = 1;

/**
 * The entries of a zip archive that is not compressed, by name; each lies within the file, and no
 * two overlap. Throws Failure `file-invalid` for anything else, and for archives above 4 GB.
 */
export async function readZipEntries(file: TensorFile): Promise<Map<string, ZipEntry>> {
  const directory = await readDirectory(file);
  const entries = new Map<string, ZipEntry>();
  for (const { name, size, header } of directoryEntries(file, directory)) {
    if (entries.has(name)) throw invalidFile(file.path, `holds ${name} twice`);
    entries.set(name, { position: await contentPosition(file, header), size });
  }
  let end = 0;
  for (const [name, { position, size }] of [...entries].toSorted(
    ([, a], [, b]) => a.position - b.position,
  )) {
    if (position < end) throw invalidFile(file.path, `has an overlap before its entry ${name}`);
    end = position + size;
    if (end > file.size) throw invalidFile(file.path, `is truncated: it ends within ${name}`);
  }
  return entries;
}

/** The central directory, found from the archive's end. */
async function readDirectory(file: TensorFile): Promise<DataView> {
  const tailBytes = Math.min(file.size, END_BYTES + MAX_COMMENT_BYTES);
  const tail = view(await file.bytes(file.size - tailBytes, tailBytes));
  let at = tail.byteLength - END_BYTES;
  while (at >= 0 && tail.getUint32(at, true) !== END_SIGNATURE) at -= 1;
  if (at < 0) throw invalidFile(file.path, "is truncated: it has no end of a zip archive");
  const size = tail.getUint32(at + 12, true);
  const position = tail.getUint32(at + 16, true);
  if (position === BEYOND_32_BITS) throw tooLarge(file);
  if (size > MAX_DIRECTORY_BYTES || position + size > file.size) {
    throw invalidFile(file.path, `claims a directory of ${size} bytes at ${position}`);
  }
  return view(await file.bytes(position, size));
}

function* directoryEntries(file: TensorFile, directory: DataView) {
  let at = 0;
  while (at < directory.byteLength) {
    const fits = at + ENTRY_BYTES <= directory.byteLength;
    if (!fits || directory.getUint32(at, true) !== ENTRY_SIGNATURE) {
      throw invalidFile(file.path, "has a damaged zip directory");
    }
    const nameBytes = directory.getUint16(at + 28, true);
    const more = directory.getUint16(at + 30, true) + directory.getUint16(at + 32, true);
    const next = at + ENTRY_BYTES + nameBytes + more;
    if (next > directory.byteLength) throw invalidFile(file.path, "has a damaged zip directory");
    const name = text(directory, at + ENTRY_BYTES, nameBytes);
    const compressed = directory.getUint32(at + 20, true);
    const size = directory.getUint32(at + 24, true);
    const header = directory.getUint32(at + 42, true);
    if ([compressed, size, header].includes(BEYOND_32_BITS)) throw tooLarge(file);
    const isPlain = directory.getUint16(at + 10, true) === 0 && compressed === size;
    if (!isPlain || (directory.getUint16(at + 8, true) & ENCRYPTED) !== 0) {
      throw invalidFile(
        file.path,
        `holds ${name} compressed or encrypted: PyTorch stores it plain`,
      );
    }
    yield { name, size, header };
    at = next;
  }
}

/** The content follows the entry's own header, whose length can differ from the directory's. */
async function contentPosition(file: TensorFile, header: number): Promise<number> {
  if (header + LOCAL_BYTES > file.size) {
    throw invalidFile(file.path, "has a zip entry beyond its end");
  }
  const local = view(await file.bytes(header, LOCAL_BYTES));
  if (local.getUint32(0, true) !== LOCAL_SIGNATURE) {
    throw invalidFile(file.path, "has a damaged zip entry");
  }
  return header + LOCAL_BYTES + local.getUint16(26, true) + local.getUint16(28, true);
}

function text(directory: DataView, at: number, length: number): string {
  const bytes = new Uint8Array(directory.buffer, directory.byteOffset + at, length);
  return new TextDecoder().decode(bytes);
}

function view(bytes: Uint8Array): DataView {
  return new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
}

function tooLarge(file: TensorFile) {
  return invalidFile(file.path, "is above 4 GB: save the model in safetensors files instead");
}
