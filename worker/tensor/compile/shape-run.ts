import {
  DataType,
  type NativeBinding,
  type NumberValues,
  type OpAttribute,
  type TensorHandle,
} from "../native-backend.ts";

/** What is known of a tensor that is not computed. */
export type Layout = Pick<TensorHandle, "dtype" | "shape">;

/** An input of an operation, with its values if it is a constant. */
export type ShapeInput = Layout & { values?: NumberValues };

/** Longer constants are values and not, say, the shape to reshape to. */
const MAX_SHAPE_VALUES = 16;

/**
 * Finds the shapes of operations' results by running them on zeros, each kind of operation once. So
 * a whole step needs the memory of one tensor of each shape, and little time.
 */
export class ShapeRun {
  readonly #binding: NativeBinding;
  readonly #known = new Map<string, Layout[]>();
  readonly #zeros = new Map<string, number>();

  constructor(binding: NativeBinding) {
    this.#binding = binding;
  }

  /** The layouts of an operation's results. Throws TensorFlow's error where it does not run. */
  resultsOf(
    name: string,
    attributes: OpAttribute[],
    inputs: readonly ShapeInput[],
    count: number,
  ): Layout[] {
    const key = JSON.stringify([name, attributes, inputs.map(inputKey), count]);
    const known = this.#known.get(key);
    if (known !== undefined) return known;
    const constants: number[] = [];
    const ids = inputs.map((input) => {
      if (input.values === undefined) return this.#zerosOf(input);
      const id = this.#binding.createTensor(input.shape, input.dtype, input.values);
      constants.push(id);
      return id;
    });
    const results = this.#binding.executeOp(name, attributes, ids, count);
    for (const id of [...constants, ...results.map((result) => result.id)]) {
      this.#binding.deleteTensor(id);
    }
    const layouts = results.map(({ dtype, shape }) => ({ dtype, shape }));
    this.#known.set(key, layouts);
    return layouts;
  }

  /** Frees the zeros. */
  dispose(): void {
    for (const id of this.#zeros.values()) this.#binding.deleteTensor(id);
    this.#zeros.clear();
  }

  #zerosOf(layout: Layout): number {
    const key = layoutKey(layout);
    const made = this.#zeros.get(key);
    if (made !== undefined) return made;
    const { dtype, shape } = layout;
    const id = this.#binding.createTensor(shape, dtype, zeroValues(layout));
    this.#zeros.set(key, id);
    return id;
  }
}

function zeroValues({ dtype, shape }: Layout): NumberValues {
  const count = shape.reduce((product, size) => product * size, 1);
  if (dtype === DataType.float) return new Float32Array(count);
  if (dtype === DataType.int32) return new Int32Array(count);
  if (dtype === DataType.bool) return new Uint8Array(count);
  throw new Error(`a recorded step computes a tensor of TensorFlow's type ${dtype}`);
}

function inputKey({ values, ...layout }: ShapeInput): unknown {
  const key = layoutKey(layout);
  return values === undefined || values.length > MAX_SHAPE_VALUES ? key : [key, [...values]];
}

function layoutKey({ dtype, shape }: Layout): string {
  return `${dtype} ${shape.join()}`;
}
