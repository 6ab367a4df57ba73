/** TensorFlow's number of a data type, in `types.proto`. */
export type DataTypeNumber = number;

const FLOAT: DataTypeNumber = 1;

/** A constant: its values as bytes in row-major order, little-endian. */
export interface ConstantValue {
  dtype: DataTypeNumber;
  shape: readonly number[];
  content: Uint8Array;
}

/** A value of a node's attribute, by its kind in `attr_value.proto`. */
export type AttributeValue =
  | { kind: "string"; value: string }
  | { kind: "int" | "float" | "bool" | "type"; value: number | readonly number[] }
  | { kind: "shape"; value: readonly number[] }
  | { kind: "tensor"; value: ConstantValue };

export type Attributes = Readonly<Record<string, AttributeValue>>;

/** A node of a TensorFlow graph. Inputs are references: `name`, `name:output`. */
export interface GraphNode {
  name: string;
  op: string;
  inputs: readonly string[];
  /** Names of nodes that must have run before. */
  after: readonly string[];
  attributes: Attributes;
}

/** What a new node is; its name is given to it. */
export type NewNode = { op: string } & Partial<Omit<GraphNode, "name" | "op">>;

/** Nodes under one prefix, in the order they were added. */
export class GraphBuilder {
  readonly nodes: GraphNode[] = [];
  readonly #prefix: string;

  constructor(prefix: string) {
    this.#prefix = prefix;
  }

  /** Adds a node and returns its name, which is also the reference to its first output. */
  add({ op, inputs = [], after = [], attributes = {} }: NewNode): string {
    const name = `${this.#prefix}/${this.nodes.length}_${op}`;
    this.nodes.push({ name, op, inputs, after, attributes });
    return name;
  }

  constant(value: ConstantValue): string {
    const attributes = {
      dtype: typeAttribute(value.dtype),
      value: { kind: "tensor", value },
    } as const;
    return this.add({ op: "Const", attributes });
  }

  /** A value given at each run. */
  placeholder({ dtype, shape }: Pick<ConstantValue, "dtype" | "shape">): string {
    const attributes = {
      dtype: typeAttribute(dtype),
      shape: { kind: "shape", value: shape },
    } as const;
    return this.add({ op: "Placeholder", attributes });
  }

  /** A way to run nodes that have no output: the value of `input` once they have run. */
  valueAfter(input: string, dtype: DataTypeNumber, after: readonly string[]): string {
    return this.add({
      op: "Identity",
      inputs: [input],
      after,
      attributes: { T: typeAttribute(dtype) },
    });
  }
}

/** The attribute that names a data type. */
export function typeAttribute(dtype: DataTypeNumber): AttributeValue {
  return { kind: "type", value: dtype };
}

/** A float as a constant. */
export function floatConstant(value: number): ConstantValue {
  return { dtype: FLOAT, shape: [], content: new Uint8Array(new Float32Array([value]).buffer) };
}

/** The nodes that some of `roots` depend on, in their order. */
export function reachable(nodes: readonly GraphNode[], roots: Iterable<string>): GraphNode[] {
  const byName = new Map(nodes.map((node) => [node.name, node]));
  const reached = new Set<string>();
  const open = [...roots].map(nodeOf);
  for (let name = open.pop(); name !== undefined; name = open.pop()) {
    const node = byName.get(name);
    if (node === undefined || reached.has(name)) continue;
    reached.add(name);
    open.push(...node.inputs.map(nodeOf), ...node.after);
  }
  return nodes.filter(({ name }) => reached.has(name));
}

/** The node that a reference is to. */
export function nodeOf(reference: string): string {
  const [name] = reference.split(":");
  return name!;
}
