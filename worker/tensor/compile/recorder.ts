import type {
  NativeBackend,
  NativeBinding,
  OpAttribute,
  TensorHandle,
  TensorValues,
} from "../native-backend.ts";
import type { ConstantValue } from "./graph.ts";

/** An operation that ran while it was recorded; tensors by the ids of their handles. */
export interface RecordedOp {
  name: string;
  attributes: OpAttribute[];
  inputs: number[];
  outputs: TensorHandle[];
}

export interface Recording {
  ops: RecordedOp[];
  /** Tensors made from values in JavaScript. */
  constants: Map<number, ConstantValue>;
}

/**
 * Runs `compute` while noting every operation that it gives to the native engine. What it computes
 * must be read afterwards: a value read back in between would be the same in every later run, so
 * that throws, naming the place.
 */
export function record<T>(
  backend: NativeBackend,
  compute: () => T,
): { result: T; recording: Recording } {
  const { binding } = backend;
  const recording: Recording = { ops: [], constants: new Map() };
  const recorder = new BindingRecorder(binding, recording);
  backend.binding = recorder.binding;
  try {
    const result = compute();
    // Whoever reads asynchronously does not let the error through.
    if (recorder.readBack !== null) throw recorder.readBack;
    return { result, recording };
  } finally {
    backend.binding = binding;
  }
}

class BindingRecorder {
  readonly binding: NativeBinding;
  readBack: Error | null = null;

  constructor(binding: NativeBinding, { ops, constants }: Recording) {
    const executeOp: NativeBinding["executeOp"] = (name, attributes, inputs, count) => {
      const outputs = binding.executeOp(name, attributes, inputs, count);
      ops.push({ name, attributes, inputs: [...inputs], outputs });
      return outputs;
    };
    const createTensor: NativeBinding["createTensor"] = (shape, dtype, values) => {
      const id = binding.createTensor(shape, dtype, values);
      constants.set(id, { dtype, shape: [...shape], content: bytesOf(values) });
      return id;
    };
    const tensorDataSync: NativeBinding["tensorDataSync"] = (id) => {
      if (constants.has(id)) return binding.tensorDataSync(id);
      this.readBack ??= new Error(`a recorded step reads a value back${callerPlace()}`);
      throw this.readBack;
    };
    const replaced = { executeOp, createTensor, tensorDataSync };
    // The addon's own properties cannot be written.
    this.binding = Object.create(binding, Object.getOwnPropertyDescriptors(replaced));
  }
}

function bytesOf(values: TensorValues): Uint8Array {
  if (Array.isArray(values)) throw new Error("a recorded step makes a tensor of strings");
  return new Uint8Array(values.buffer, values.byteOffset, values.byteLength).slice();
}

/** Where in our code, outside this folder, the call came from. */
function callerPlace(): string {
  const frames = (new Error().stack ?? "").split("\n").slice(1);
  const own = frames.find((frame) => !/node_modules|node:|worker.tensor.compile/u.test(frame));
  return own === undefined ? "" : ` ${own.trim()}`;
}
