/** Bytes of PyTorch files, put together from their parts as Python writes them. */

/** A zip archive of stored entries; the names in the order given. */
export function zipOf(
  entries: readonly (readonly [name: string, content: Buffer])[],
  change: { method?: number; claimedSize?: number; headerAt?: number } = {},
): Buffer {
  const { method = 0, claimedSize, headerAt } = change;
  const parts: Buffer[] = [];
  const directory: Buffer[] = [];
  let position = 0;
  for (const [name, content] of entries) {
    const local = Buffer.alloc(30);
    local.writeUInt32LE(0x04034b50, 0);
    local.writeUInt16LE(name.length, 26);
    const central = Buffer.alloc(46);
    central.writeUInt32LE(0x02014b50, 0);
    central.writeUInt16LE(method, 10);
    central.writeUInt32LE(claimedSize ?? content.length, 20);
    central.writeUInt32LE(claimedSize ?? content.length, 24);
    central.writeUInt16LE(name.length, 28);
    central.writeUInt32LE(headerAt ?? position, 42);
    directory.push(central, Buffer.from(name));
    parts.push(local, Buffer.from(name), content);
    position += 30 + name.length + content.length;
  }
  const listing = Buffer.concat(directory);
  const end = Buffer.alloc(22);
  end.writeUInt32LE(0x06054b50, 0);
  end.writeUInt16LE(entries.length, 10);
  end.writeUInt32LE(listing.length, 12);
  end.writeUInt32LE(position, 16);
  return Buffer.concat([...parts, listing, end]);
}

/** Pieces of a protocol 2 pickle, by the names of Python's `pickletools`. */
export const pickle = {
  global: (module: string, name: string) => Buffer.from(`c${module}\n${name}\n`),
  text: (value: string) => {
    const length = Buffer.alloc(4);
    length.writeUInt32LE(Buffer.byteLength(value));
    return Buffer.concat([Buffer.from("X"), length, Buffer.from(value)]);
  },
  integer: (value: number) => {
    const bytes = Buffer.alloc(5, "J");
    bytes.writeInt32LE(value, 1);
    return bytes;
  },
  tuple: (...items: Buffer[]) => Buffer.concat([Buffer.from("("), ...items, Buffer.from("t")]),
  reduce: (callable: Buffer, words: Buffer) => Buffer.concat([callable, words, Buffer.from("R")]),
  dict: (...items: Buffer[]) => Buffer.concat([Buffer.from("}("), ...items, Buffer.from("u")]),
  whole: (value: Buffer) => Buffer.concat([Buffer.from([0x80, 2]), value, Buffer.from(".")]),
};

export interface TensorParts {
  type?: string;
  key?: string;
  count?: number;
  offset?: number;
  shape?: number[];
  stride?: number[];
}

/** A tensor of a state dict: [2, 2] float32 of the storage `0` where nothing else is said. */
export function tensorPickle(parts: TensorParts = {}): Buffer {
  const { type = "FloatStorage", key = "0", count = 4, offset = 0 } = parts;
  const { shape = [2, 2], stride = [2, 1] } = parts;
  const { global, integer, reduce, text, tuple } = pickle;
  const storage = tuple(
    text("storage"),
    global("torch", type),
    text(key),
    text("cpu"),
    integer(count),
  );
  const words = tuple(
    Buffer.concat([storage, Buffer.from("Q")]),
    integer(offset),
    tuple(...shape.map(integer)),
    tuple(...stride.map(integer)),
    Buffer.from([0x89]),
    reduce(global("collections", "OrderedDict"), Buffer.from(")")),
  );
  return reduce(global("torch._utils", "_rebuild_tensor_v2"), words);
}

/** A whole file of a state dict's pickled items and its storages. */
export function torchFile(items: Buffer[], storages: Record<string, Buffer> = {}): Buffer {
  return zipOf([
    ["model/data.pkl", pickle.whole(pickle.dict(...items))],
    ["model/byteorder", Buffer.from("little")],
    ...Object.entries(storages).map(([key, bytes]) => [`model/data/${key}`, bytes] as const),
  ]);
}
