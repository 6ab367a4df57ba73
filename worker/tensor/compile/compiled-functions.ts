import type { NamedTensors } from "../named-tensors.ts";
import type { NativeBackend } from "../native-backend.ts";
import type { RunnableStep, StepFunction, StepRunner } from "../step-runner.ts";
import { partsAtOnce } from "../parts-at-once.ts";
import { layoutKey, namedTensors } from "./layouts.ts";
import { GraphSession } from "./session.ts";
import { type StepGraph, stepGraph } from "./step-graph.ts";

/** So many graphs mean that functions are called with ever new shapes. */
const MAX_GRAPHS = 256;

interface LoadedGraph extends StepGraph {
  session: GraphSession;
  /** References for the tensors that were neither fed nor parameters, by their handles' ids. */
  captured: ReadonlyMap<number, string>;
}

const PARAMETER = "parameter/";

/**
 * Functions that run as graphs without a state: parameters and all other tensors that they use are
 * fed, by their handles, at each run. So graphs of any number share one set of weights in memory,
 * and none is compiled again because another one is added.
 */
export class CompiledFunctions implements StepRunner {
  readonly #backend: NativeBackend;
  readonly #parameters: () => NamedTensors;
  readonly #graphs = new Map<string, LoadedGraph>();
  #functions = 0;

  /** Parameters may change from run to run, but for their names and shapes. */
  constructor(backend: NativeBackend, parameters: () => NamedTensors) {
    this.#backend = backend;
    this.#parameters = parameters;
  }

  prepare(compute: StepFunction): RunnableStep {
    const number = this.#functions;
    this.#functions += 1;
    return (feeds) => {
      const parameters = Object.entries(this.#parameters()).map(
        ([name, tensor]) => [`${PARAMETER}${name}`, tensor] as const,
      );
      const all = { ...feeds, ...Object.fromEntries(parameters) };
      const key = `${number} ${layoutKey(feeds)}`;
      const graph = this.#graphs.get(key) ?? this.#load(key, compute, all);
      const ids = this.#backend.getInputTensorIds(Object.values(all));
      const fed = new Map(
        Object.keys(all).map((name, index) => [graph.placeholders[name]!, ids[index]!]),
      );
      for (const [id, placeholder] of graph.captured) fed.set(placeholder, id);
      const handles = graph.session.run(fed, Object.values(graph.results));
      return namedTensors(this.#backend, Object.keys(graph.results), handles);
    };
  }

  /** The next power of two. */
  rowsFor(needed: number): number {
    return 2 ** Math.ceil(Math.log2(needed));
  }

  partsFor(rows: number): number {
    return partsAtOnce(rows);
  }

  dispose(): void {
    for (const { session } of this.#graphs.values()) session.close();
    this.#graphs.clear();
  }

  #load(key: string, compute: StepFunction, feeds: NamedTensors): LoadedGraph {
    if (this.#graphs.size === MAX_GRAPHS)
      throw new Error("functions are called with ever new shapes");
    const captured = new Map<number, string>();
    const graph = stepGraph({
      backend: this.#backend,
      step: { compute: (_, fed) => compute(...split(fed)) },
      prefix: "graph",
      feeds,
      variables: new Map(),
      captured: (builder, id, layout) => {
        const placeholder = builder.placeholder(layout);
        captured.set(id, placeholder);
        return placeholder;
      },
    });
    const session = new GraphSession(this.#backend.binding, graph.nodes);
    const loaded = { ...graph, session, captured };
    this.#graphs.set(key, loaded);
    return loaded;
  }
}

/** Parameters by their own names, and the others. */
function split(fed: NamedTensors): [parameters: NamedTensors, feeds: NamedTensors] {
  const parameters: NamedTensors = {};
  const feeds: NamedTensors = {};
  for (const [name, tensor] of Object.entries(fed)) {
    if (name.startsWith(PARAMETER)) parameters[name.slice(PARAMETER.length)] = tensor;
    else feeds[name] = tensor;
  }
  return [parameters, feeds];
}
