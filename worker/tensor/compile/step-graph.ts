import * as tf from "@tensorflow/tfjs-core";
import type { Tensor } from "@tensorflow/tfjs-core";
import type { NamedTensors } from "../named-tensors.ts";
import { dataTypeOf, type NativeBackend } from "../native-backend.ts";
import { GraphBuilder, type GraphNode, reachable } from "./graph.ts";
import { handleOf } from "./handles.ts";
import { addRecording } from "./recorded-graph.ts";
import { record } from "./recorder.ts";
import { addRead, type VariableNodes } from "./variables.ts";

/** A step to compile. */
export interface Step {
  /**
   * An ordinary function of tensors. It runs once for each new set of shapes of its feeds, to be
   * recorded; what else it uses, tensors and numbers, is as it was then in every later run.
   */
  compute: (variables: NamedTensors, feeds: NamedTensors) => NamedTensors;
  /** Names of what `compute` returns that the compiled step returns too. */
  results: readonly string[];
  /** Adds nodes that change variables, and returns those that have to run. */
  update?: (scope: UpdateScope) => string[];
}

type References = Readonly<Record<string, string>>;

/** What an update is made of. */
export interface UpdateScope {
  graph: GraphBuilder;
  variables: ReadonlyMap<string, VariableNodes>;
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
  /** References to the results; fetching them runs the update. */
  results: readonly string[];
}

export interface StepGraphOptions {
  backend: NativeBackend;
  step: Step;
  /** Distinguishes this graph's nodes. */
  prefix: string;
  feeds: NamedTensors;
  /** Values of the variables, and their nodes. */
  values: NamedTensors;
  variables: ReadonlyMap<string, VariableNodes>;
  /** The variable that stands for a tensor that is neither variable nor feed. */
  captured: (id: number) => VariableNodes;
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
  const idOf = (tensor: Tensor): number => backend.getInputTensorIds([tensor])[0]!;
  // A tensor may be given twice: each gets a handle of its own.
  const distinct = (tensor: Tensor): Tensor =>
    backend.createOutputTensor(handleOf(backend.binding, idOf(tensor), "same"));
  const feeds = mapped(options.feeds, distinct);
  const values = mapped(options.values, distinct);
  const { result, recording } = record(backend, () =>
    mapped(step.compute(values, feeds), (tensor) => ({
      id: idOf(tensor),
      dtype: dataTypeOf(tensor),
    })),
  );
  const placeholders = mapped(feeds, (tensor) =>
    graph.placeholder({ dtype: dataTypeOf(tensor), shape: tensor.shape }),
  );
  const reads = mapped(values, (_, name) => addRead(graph, variables.get(name)!));
  const referenceTo = addRecording(graph, recording, {
    given: new Map([
      ...Object.entries(feeds).map(
        ([name, tensor]) => [idOf(tensor), placeholders[name]!] as const,
      ),
      ...Object.entries(values).map(([name, tensor]) => [idOf(tensor), reads[name]!] as const),
    ]),
    captured: (id) => addRead(graph, options.captured(id)),
    binding: backend.binding,
  });
  const computed = mapped(result, ({ id }) => referenceTo(id));
  const after = step.update?.({ graph, variables, reads, computed, feeds: placeholders }) ?? [];
  const results = step.results.map((name) =>
    graph.valueAfter(computed[name]!, result[name]!.dtype, after),
  );
  const nodes = reachable(graph.nodes, [...results, ...Object.values(placeholders)]);
  return { nodes, placeholders, results };
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
