import path from "node:path";
import { fileURLToPath } from "node:url";
import type { Tensor } from "@tensorflow/tfjs-core";
import type {
  NativeBackend,
  NativeBinding,
  NumberValues,
  OpAttribute,
  TensorHandle,
} from "../native-backend.ts";
import { handleOf } from "./handles.ts";
import { type Layout, type ShapeInput, ShapeRun } from "./shape-run.ts";

/** An operation that was asked for; tensors by the ids of their handles. */
export interface RecordedOp {
  name: string;
  attributes: OpAttribute[];
  inputs: number[];
  /** TensorFlow's numbers of the inputs' data types. */
  inputTypes: number[];
  outputs: TensorHandle[];
}

/** A tensor made from values in JavaScript. */
export interface RecordedConstant extends Layout {
  values: NumberValues;
}

/** Ids of tensors that the engine does not have: -1 is taken, for those not uploaded yet. */
const FIRST_ID = -2;

/**
 * Notes every operation that is given to the native engine, in place of computing it. Tensors made
 * meanwhile have shapes and no values: to read one throws, naming the place.
 */
export class Recorder {
  readonly ops: RecordedOp[] = [];
  readonly constants = new Map<number, RecordedConstant>();
  readonly #backend: NativeBackend;
  readonly #layouts = new Map<number, Layout>();
  #nextId = FIRST_ID;
  #readBack: Error | null = null;

  constructor(backend: NativeBackend) {
    this.#backend = backend;
  }

  /** A tensor for what is not known yet. */
  standIn(layout: Layout): Tensor {
    return this.#backend.createOutputTensor(this.#made(layout));
  }

  /** The layout of a tensor of the engine, or of one that was made while recording. */
  layoutOf(id: number): Layout {
    return this.#input(this.#backend.binding, id);
  }

  /** Runs `compute` with its operations noted. */
  record<T>(compute: () => T): T {
    const backend = this.#backend;
    const { binding } = backend;
    const move = backend.move.bind(backend);
    const upload = backend.getInputTensorIds.bind(backend);
    const shapes = new ShapeRun(binding);
    const recording = this.#recording(binding, shapes);
    const constants = new WeakSet<object>();
    backend.binding = recording;
    backend.move = (dataId, ...rest) => {
      constants.add(dataId);
      move(dataId, ...rest);
    };
    backend.getInputTensorIds = (tensors) => {
      // What JavaScript holds of tensors from outside is uploaded, and no constant of the step.
      backend.binding = binding;
      upload(tensors.filter(({ dataId }) => dataId !== undefined && !constants.has(dataId)));
      backend.binding = recording;
      return upload(tensors);
    };
    try {
      const result = compute();
      // Whoever reads asynchronously does not let the error through.
      if (this.#readBack !== null) throw this.#readBack;
      return result;
    } finally {
      backend.binding = binding;
      // Those of the class are there again.
      Reflect.deleteProperty(backend, "move");
      Reflect.deleteProperty(backend, "getInputTensorIds");
      shapes.dispose();
    }
  }

  #recording(binding: NativeBinding, shapes: ShapeRun): NativeBinding {
    const replaced: Partial<NativeBinding> = {
      executeOp: (name, attributes, inputs, count) => {
        const known = inputs.map((id) => this.#input(binding, id));
        const layouts = shapes.resultsOf(name, attributes, known, count);
        const outputs = layouts.map((layout) => this.#made(layout));
        const inputTypes = known.map(({ dtype }) => dtype);
        this.ops.push({ name, attributes, inputs: [...inputs], inputTypes, outputs });
        return outputs;
      },
      createTensor: (shape, dtype, values) => {
        if (Array.isArray(values)) throw new Error("a recorded step makes a tensor of strings");
        const { id } = this.#made({ dtype, shape });
        this.constants.set(id, { dtype, shape: [...shape], values: values.slice() });
        return id;
      },
      deleteTensor: (id) => {
        if (id >= 0) binding.deleteTensor(id);
      },
      tensorDataSync: (id) => {
        const constant = this.constants.get(id);
        if (constant !== undefined) return constant.values;
        if (id >= 0) return binding.tensorDataSync(id);
        this.#readBack ??= new Error(`a recorded step reads a value back${callerPlace()}`);
        throw this.#readBack;
      },
    };
    // The addon's own properties cannot be written.
    return Object.create(binding, Object.getOwnPropertyDescriptors(replaced));
  }

  #input(binding: NativeBinding, id: number): ShapeInput {
    const known = this.constants.get(id) ?? this.#layouts.get(id);
    if (known !== undefined) return known;
    const { id: alias, ...layout } = handleOf(binding, id, "same");
    binding.deleteTensor(alias);
    this.#layouts.set(id, layout);
    return layout;
  }

  #made(layout: Layout): TensorHandle {
    const id = this.#nextId;
    this.#nextId -= 1;
    this.#layouts.set(id, layout);
    return { id, shape: [...layout.shape], dtype: layout.dtype };
  }
}

/** Enough for the frames of tfjs itself. */
const STACK_FRAMES = 50;
const OWN_FOLDER = path.dirname(fileURLToPath(import.meta.url));

/** Where the call came from: the first place outside this folder, the packages and Node. */
function callerPlace(): string {
  const { stackTraceLimit } = Error;
  Error.stackTraceLimit = STACK_FRAMES;
  const frames = (new Error().stack ?? "").split("\n");
  Error.stackTraceLimit = stackTraceLimit;
  const place = frames.find(
    (frame) =>
      /:\d+:\d+/u.test(frame) && !frame.includes(OWN_FOLDER) && !/node_modules|node:/u.test(frame),
  );
  return place === undefined ? "" : ` ${place.trim()}`;
}
