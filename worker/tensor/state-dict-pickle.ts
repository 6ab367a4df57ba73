/** A tensor as a state dict describes it: a part of a storage, in elements. */
export interface PickledTensor {
  storage: PickledStorage;
  offset: number;
  shape: number[];
  stride: number[];
}

/** A named array of values of one type, such as `FloatStorage`. */
export interface PickledStorage {
  type: string;
  key: string;
  count: number;
}

/** What a pickle may not hold, or how it is damaged, in words that follow a file's name. */
export class PickleProblem extends Error {}

type Value =
  | { kind: "none" }
  | { kind: "mark" }
  | { kind: "bool" }
  | { kind: "integer"; value: number }
  | { kind: "text"; value: string }
  | { kind: "tuple"; items: Value[] }
  | { kind: "dict"; entries: [Value, Value][] }
  | { kind: "global"; name: string }
  | { kind: "storage"; storage: PickledStorage }
  | { kind: "tensor"; tensor: PickledTensor };

const DICT = "collections.OrderedDict";
const TENSOR = "torch._utils._rebuild_tensor_v2";
const PARAMETER = "torch._utils._rebuild_parameter";
const STORAGE = /^torch\.([A-Z][A-Za-z0-9]*Storage)$/;
const SHOWN_CHARACTERS = 200;

/**
 * The tensors of a pickled PyTorch state dict, by name in their order. It carries out the few
 * instructions that such a file consists of and calls nothing: the only globals it knows are dicts,
 * tensors, parameters and storages. Throws PickleProblem for anything else, by name.
 */
export function unpickleStateDict(bytes: Uint8Array): Map<string, PickledTensor> {
  const result = new PickleMachine(bytes).run();
  if (result.kind !== "dict") throw new PickleProblem("holds no state dict");
  const tensors = new Map<string, PickledTensor>();
  for (const [key, value] of result.entries) {
    if (key.kind !== "text") throw new PickleProblem("has a name that is no text");
    const name = key.value;
    if (name !== shown(name)) throw new PickleProblem(`has the long or odd name ${shown(name)}`);
    if (value.kind !== "tensor") throw new PickleProblem(`has under ${name} no tensor`);
    if (tensors.has(name)) throw new PickleProblem(`holds tensor ${name} twice`);
    tensors.set(name, value.tensor);
  }
  return tensors;
}

/** Python's pickle protocol 2, as far as `torch.save` of a state dict uses it. */
class PickleMachine {
  readonly #bytes: Uint8Array;
  readonly #view: DataView;
  readonly #stack: Value[] = [];
  readonly #memo = new Map<number, Value>();
  #at = 0;

  constructor(bytes: Uint8Array) {
    this.#bytes = bytes;
    this.#view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
  }

  run(): Value {
    for (;;) {
      const code = this.#bytes[this.#take(1)]!;
      if (code === 0x2e) return this.#pop(); // STOP
      const instruction = this.#instructions[code];
      if (instruction === undefined) {
        const shownCode = `0x${code.toString(16).padStart(2, "0")}`;
        throw new PickleProblem(`uses pickle instruction ${shownCode}, not needed in a state dict`);
      }
      instruction();
    }
  }

  /** By the names that Python's `pickletools` gives them. */
  readonly #instructions: Readonly<Record<number, () => void>> = {
    0x80: () => this.#protocol(),
    0x28: () => this.#push({ kind: "mark" }),
    0x4e: () => this.#push({ kind: "none" }),
    0x88: () => this.#push({ kind: "bool" }), // NEWTRUE
    0x89: () => this.#push({ kind: "bool" }), // NEWFALSE
    0x4b: () => this.#integer(this.#view.getUint8(this.#take(1))), // BININT1
    0x4d: () => this.#integer(this.#view.getUint16(this.#take(2), true)), // BININT2
    0x4a: () => this.#integer(this.#view.getInt32(this.#take(4), true)), // BININT
    0x8a: () => this.#integer(this.#long(this.#view.getUint8(this.#take(1)))), // LONG1
    0x58: () => this.#text(this.#view.getUint32(this.#take(4), true)), // BINUNICODE
    0x29: () => this.#tuple([]), // EMPTY_TUPLE
    0x85: () => this.#tuple(this.#popMany(1)), // TUPLE1
    0x86: () => this.#tuple(this.#popMany(2)), // TUPLE2
    0x87: () => this.#tuple(this.#popMany(3)), // TUPLE3
    0x74: () => this.#tuple(this.#popToMark()), // TUPLE
    0x7d: () => this.#push({ kind: "dict", entries: [] }), // EMPTY_DICT
    0x73: () => this.#setItems(this.#popMany(2)), // SETITEM
    0x75: () => this.#setItems(this.#popToMark()), // SETITEMS
    0x71: () => this.#memo.set(this.#view.getUint8(this.#take(1)), this.#top()), // BINPUT
    0x72: () => this.#memo.set(this.#view.getUint32(this.#take(4), true), this.#top()),
    0x68: () => this.#recall(this.#view.getUint8(this.#take(1))), // BINGET
    0x6a: () => this.#recall(this.#view.getUint32(this.#take(4), true)), // LONG_BINGET
    0x63: () => this.#global(),
    0x51: () => this.#push({ kind: "storage", storage: storageOf(this.#pop()) }), // BINPERSID
    0x52: () => this.#reduce(),
    0x62: () => this.#build(),
  };

  #take(count: number): number {
    const at = this.#at;
    if (count > this.#bytes.length - at) throw new PickleProblem("has a pickle that is cut off");
    this.#at += count;
    return at;
  }

  #push(value: Value): void {
    this.#stack.push(value);
  }

  #pop(): Value {
    return this.#stack.pop() ?? damaged();
  }

  #top(): Value {
    return this.#stack.at(-1) ?? damaged();
  }

  #popMany(count: number): Value[] {
    if (this.#stack.length < count) damaged();
    return this.#stack.splice(this.#stack.length - count);
  }

  #popToMark(): Value[] {
    const mark = this.#stack.findLastIndex(({ kind }) => kind === "mark");
    if (mark < 0) damaged();
    return this.#stack.splice(mark).slice(1);
  }

  #protocol(): void {
    const version = this.#view.getUint8(this.#take(1));
    if (version !== 2) throw new PickleProblem(`uses pickle protocol ${version} instead of 2`);
  }

  #integer(value: number): void {
    this.#push({ kind: "integer", value });
  }

  /** Little-endian two's complement of `count` bytes. */
  #long(count: number): number {
    const at = this.#take(count);
    if (count > 8) throw new PickleProblem("has an integer beyond 64 bits");
    let value = 0n;
    for (let index = 0; index < count; index += 1) {
      value |= BigInt(this.#bytes[at + index]!) << BigInt(8 * index);
    }
    return Number(BigInt.asIntN(8 * count, value));
  }

  #text(length: number): void {
    const at = this.#take(length);
    const value = new TextDecoder().decode(this.#bytes.subarray(at, at + length));
    this.#push({ kind: "text", value });
  }

  #tuple(items: Value[]): void {
    this.#push({ kind: "tuple", items });
  }

  #recall(index: number): void {
    this.#push(this.#memo.get(index) ?? damaged());
  }

  #setItems(items: Value[]): void {
    const dict = this.#top();
    if (dict.kind !== "dict" || items.length % 2 !== 0) return damaged();
    for (let index = 0; index < items.length; index += 2) {
      dict.entries.push([items[index]!, items[index + 1]!]);
    }
  }

  #line(): string {
    const end = this.#bytes.indexOf(0x0a, this.#at);
    if (end < 0) damaged();
    const line = new TextDecoder().decode(this.#bytes.subarray(this.#at, end));
    this.#at = end + 1;
    return line;
  }

  /** A name is only a name here: nothing is looked up or imported. */
  #global(): void {
    const name = `${this.#line()}.${this.#line()}`;
    if (![DICT, TENSOR, PARAMETER].includes(name) && !STORAGE.test(name)) {
      throw new PickleProblem(`names ${shown(name)}, which is not allowed in a state dict`);
    }
    this.#push({ kind: "global", name });
  }

  #reduce(): void {
    const [callable, words] = this.#popMany(2);
    if (callable?.kind !== "global" || words?.kind !== "tuple") return damaged();
    this.#push(rebuilt(callable.name, words.items));
  }

  /** The only state there is are the versions of modules, which an ordered dict carries along. */
  #build(): void {
    this.#pop();
    if (this.#top().kind !== "dict") damaged();
  }
}

function rebuilt(name: string, words: Value[]): Value {
  const [first] = words;
  if (name === DICT && words.length === 0) return { kind: "dict", entries: [] };
  if (name === PARAMETER && first?.kind === "tensor") return first;
  if (name !== TENSOR || first?.kind !== "storage") return damaged();
  const [offset] = integers([words[1]]);
  const [shape, stride] = [integersOf(words[2]), integersOf(words[3])];
  return { kind: "tensor", tensor: { storage: first.storage, offset: offset!, shape, stride } };
}

/** From ("storage", type, key, device, count). */
function storageOf(id: Value): PickledStorage {
  if (id.kind !== "tuple") return damaged();
  const [tag, type, key, , count] = id.items;
  const match = type?.kind === "global" ? STORAGE.exec(type.name) : null;
  if (tag?.kind !== "text" || tag.value !== "storage") return damaged();
  if (!match || key?.kind !== "text") return damaged();
  const [elements] = integers([count]);
  return { type: match[1]!, key: key.value, count: elements! };
}

function integersOf(value: Value | undefined): number[] {
  return value?.kind === "tuple" ? integers(value.items) : damaged();
}

function integers(values: (Value | undefined)[]): number[] {
  return values.map((one) =>
    one?.kind === "integer" && Number.isSafeInteger(one.value) && one.value >= 0
      ? one.value
      : damaged(),
  );
}

/** Names come from the file: one line, and not a long one. */
function shown(name: string): string {
  return name.replaceAll(/[\s\p{Cc}]+/gu, " ").slice(0, SHOWN_CHARACTERS);
}

function damaged(): never {
  throw new PickleProblem("has a damaged pickle");
}
