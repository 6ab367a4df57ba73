import { DataType, type TensorHandle } from "../native-backend.ts";
import { type GraphBuilder, typeAttribute } from "./graph.ts";

type Layout = Pick<TensorHandle, "dtype" | "shape">;

/** The nodes of one variable. */
export interface VariableNodes extends Layout {
  handle: string;
  /** Takes the value to set. */
  placeholder: string;
  set: string;
}

/** Adds a variable to a graph. It has no value before `set` has run. */
export function addVariable(graph: GraphBuilder, name: string, layout: Layout): VariableNodes {
  const { dtype, shape } = layout;
  const handle = graph.add({
    op: "VarHandleOp",
    attributes: {
      dtype: typeAttribute(dtype),
      shape: { kind: "shape", value: shape },
      shared_name: { kind: "string", value: name },
    },
  });
  const placeholder = graph.placeholder(layout);
  const set = graph.add({
    op: "AssignVariableOp",
    inputs: [handle, placeholder],
    attributes: { dtype: typeAttribute(dtype) },
  });
  return { dtype, shape, handle, placeholder, set };
}

/** Adds a reading of a variable, and returns the reference to its value. */
export function addRead(graph: GraphBuilder, { handle, dtype }: VariableNodes): string {
  return graph.add({
    op: "ReadVariableOp",
    inputs: [handle],
    attributes: { dtype: typeAttribute(dtype) },
  });
}

/** The value of a node that runs once all variables are set. */
export function addSetAll(graph: GraphBuilder, variables: Iterable<VariableNodes>): string {
  const one = { dtype: DataType.int32, shape: [], content: new Uint8Array([1, 0, 0, 0]) };
  const after = [...variables].map(({ set }) => set);
  return graph.valueAfter(graph.constant(one), DataType.int32, after);
}
