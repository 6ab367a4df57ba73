import * as tf from "@tensorflow/tfjs-core";
import type { Tensor } from "@tensorflow/tfjs-core";
import type { NamedTensors } from "../named-tensors.ts";
import { dataTypeOf, DataType, type NativeBackend } from "../native-backend.ts";
import { GraphBuilder, type GraphNode, nodeOf, reachable } from "./graph.ts";
import { addRecording } from "./recorded-graph.ts";
import { Recorder } from "./recorder.ts";
import type { Layout } from "./shape-run.ts";
import { addRead, type VariableNodes } from "./variables.ts";

/** A step to compile. */
export interface Step {
  /**
   * An ordinary function of tensors. It runs once for each new set of shapes of its feeds, to be
   * recorded; what else it uses, tensors and numbers, is as it was then in every later run.
   */
  compute: (variables: NamedTensors, feeds: NamedTensors) => NamedTensors;
  /** Names of what `compute` returns that the compiled step returns too; all if left out. */
  results?: readonly string[];
  /** Adds nodes that change variables, and returns those that have to run. */
  update?: (scope: UpdateScope) => string[];
}

type References = Readonly<Record<string, string>>;

/** What an update is made of. */
export interface UpdateScope {
  graph: GraphBuilder;
  /** References to the variables, to change them: each is there when `compute` needs it no more. */
  variables: References;
  /** References to the variables' values before the step. */
  reads: References;
  /** References to what `compute` returned. */
  computed: References;
  feeds: References;
}

/** A recorded step as nodes of a graph. */
export interface StepGraph {
  nodes: readonly GraphNode[];
  /** References to the feeds. */
  placeholders: References;
  /** References to the results by name; fetching them runs the update. */
  results: References;
}

export interface StepGraphOptions {
  backend: NativeBackend;
  step: Step;
  /** Distinguishes this graph's nodes. */
  prefix: string;
  feeds: NamedTensors;
  variables: ReadonlyMap<string, VariableNodes>;
  /** Adds what stands for a tensor that is neither variable nor feed; returns its reference. */
  captured: (graph: GraphBuilder, id: number, layout: Layout) => string;
}

/** Records a step and makes a graph of it. Leaves no tensor behind. */
export function stepGraph(options: StepGraphOptions): StepGraph {
  tf.engine().startScope();
  try {
    return recordedGraph(options);
  } finally {
    tf.engine().endScope();
  }
}

function recordedGraph(options: StepGraphOptions): StepGraph {
  const { backend, step, variables } = options;
  const graph = new GraphBuilder(options.prefix);
  const recorder = new Recorder(backend);
  const idOf = (tensor: Tensor): number => backend.getInputTensorIds([tensor])[0]!;
  const layouts = mapped(options.feeds, (tensor) => ({
    dtype: dataTypeOf(tensor),
    shape: tensor.shape,
  }));
  const feeds = mapped(layouts, (layout) => recorder.standIn(layout));
  const values = mapped(Object.fromEntries(variables), (nodes) => recorder.standIn(nodes));
  const result = recorder.record(() =>
    mapped(step.compute(values, feeds), (tensor) => ({
      id: idOf(tensor),
      dtype: dataTypeOf(tensor),
    })),
  );
  const placeholders = mapped(layouts, (layout) => graph.placeholder(layout));
  const reads = mapped(Object.fromEntries(variables), (nodes) => addRead(graph, nodes));
  const referenceTo = addRecording(graph, recorder, {
    given: new Map([
      ...Object.entries(feeds).map(
        ([name, tensor]) => [idOf(tensor), placeholders[name]!] as const,
      ),
      ...Object.entries(values).map(([name, tensor]) => [idOf(tensor), reads[name]!] as const),
    ]),
    captured: (id) => options.captured(graph, id, recorder.layoutOf(id)),
    binding: backend.binding,
  });
  const computed = mapped(result, ({ id }) => referenceTo(id));
  const changes = step.update?.({
    graph,
    variables: changeable(graph, { variables, reads, computed }),
    reads,
    computed,
    feeds: placeholders,
  });
  const results = Object.fromEntries(
    (step.results ?? Object.keys(result)).map((name) => [
      name,
      graph.valueAfter(computed[name]!, result[name]!.dtype, changes ?? []),
    ]),
  );
  const ends = [...Object.values(results), ...Object.values(placeholders)];
  const nodes = reachable(graph.nodes, ends);
  return { nodes, placeholders, results };
}

/** Operations whose result is their input's memory. */
const VIEWS = new Set(["Identity", "Reshape", "Squeeze", "ExpandDims"]);

/**
 * References to the variables that wait for whatever reads their values: an earlier update would
 * have to copy them, and a later reading would find the next step's.
 */
function changeable(
  graph: GraphBuilder,
  options: {
    variables: ReadonlyMap<string, VariableNodes>;
    reads: References;
    computed: References;
  },
): References {
  const { variables, reads, computed } = options;
  const readers = new Map<string, GraphNode[]>();
  const needed = reachable(graph.nodes, Object.values(computed));
  for (const node of needed) {
    for (const input of new Set(node.inputs.map(nodeOf))) {
      readers.set(input, [...(readers.get(input) ?? []), node]);
    }
  }
  const readersOf = (name: string): string[] =>
    (readers.get(name) ?? []).flatMap((node) => [
      node.name,
      ...(VIEWS.has(node.op) ? readersOf(node.name) : []),
    ]);
  const names = new Set(needed.map(({ name }) => name));
  return mapped(reads, (read, name) => {
    const { handle } = variables.get(name)!;
    if (!names.has(read)) return handle;
    return graph.valueAfter(handle, DataType.resource, [read, ...readersOf(read)]);
  });
}

/** The same names with other values. */
function mapped<T, U>(
  values: Readonly<Record<string, T>>,
  change: (value: T, name: string) => U,
): Record<string, U> {
  return Object.fromEntries(
    Object.entries(values).map(([name, value]) => [name, change(value, name)]),
  );
}
