import { createHash } from "node:crypto";
import * as tf from "@tensorflow/tfjs-core";
import type { Tensor } from "@tensorflow/tfjs-core";
import type { NamedTensors } from "../named-tensors.ts";
import { type NativeBackend, nativeBackend, type TensorHandle } from "../native-backend.ts";
import type { RunnableStep } from "../step-runner.ts";
import { GraphBuilder } from "./graph.ts";
import { handleOf } from "./handles.ts";
import { layoutKey, namedTensors } from "./layouts.ts";
import { GraphSession } from "./session.ts";
import { type Step, stepGraph, type StepGraph } from "./step-graph.ts";
import { addRead, addSetAll, addVariable, type VariableNodes } from "./variables.ts";

/** So many graphs mean that a step is called with ever new shapes. */
const MAX_GRAPHS = 64;

interface OpenSession {
  session: GraphSession;
  /** The variables that steps may change. */
  names: readonly string[];
  /** References to their values. */
  reads: readonly string[];
}

const CAPTURED = "captured ";

/**
 * Variables that live in a session of TensorFlow, and the steps that work on them. Whenever a graph
 * is added, the variables move, without being copied, to a new session that has it too.
 */
export class Program {
  readonly #backend: NativeBackend;
  readonly #declarations = new GraphBuilder("variables");
  readonly #variables = new Map<string, VariableNodes>();
  /** Names of the variables that stand for tensors of others, by those' ids. */
  readonly #captured = new Map<number, string>();
  readonly #graphs = new Map<string, StepGraph>();
  #steps = 0;
  #open: OpenSession | null = null;
  /** The variables' values while no session is open; of captured ones always. */
  #outside: NamedTensors = {};

  /** Takes tensors over as variables of these names: disposes them. Needs the native engine. */
  constructor(initial: NamedTensors) {
    const backend = nativeBackend();
    if (backend === null) throw new Error("graphs need the native engine");
    this.#backend = backend;
    for (const [name, tensor] of Object.entries(initial)) {
      const [id] = backend.getInputTensorIds([tensor]);
      this.#declare(name, handleOf(backend.binding, id!, "own"));
      tensor.dispose();
    }
  }

  /** The step as a graph, or several: each is made when feeds of its shapes first come. */
  compile(step: Step): RunnableStep {
    const number = this.#steps;
    this.#steps += 1;
    return (feeds) => {
      const key = `${number} ${layoutKey(feeds)}`;
      const graph = this.#graphs.get(key) ?? this.#addGraph(key, step, feeds);
      const ids = this.#backend.getInputTensorIds(Object.values(feeds));
      const fed = new Map(
        Object.keys(feeds).map((name, index) => [graph.placeholders[name]!, ids[index]!]),
      );
      const handles = this.#opened().session.run(fed, Object.values(graph.results));
      return namedTensors(this.#backend, Object.keys(graph.results), handles);
    };
  }

  /**
   * The values of the variables, for the caller to dispose before the next step: while they are
   * held, it has to copy what it changes.
   */
  read(): NamedTensors {
    return this.#readOwn(this.#opened());
  }

  /** Frees variables and graphs. */
  dispose(): void {
    this.#open?.session.close();
    this.#open = null;
    tf.dispose(this.#outside);
    this.#outside = {};
  }

  #addGraph(key: string, step: Step, feeds: NamedTensors): StepGraph {
    if (this.#graphs.size === MAX_GRAPHS) throw new Error("a step is called with ever new shapes");
    const graph = stepGraph({
      backend: this.#backend,
      step,
      // Not by their order: optimising may depend on names, and a resumed run meets other shapes
      // first.
      prefix: `graph_${createHash("sha256").update(key).digest("hex").slice(0, 8)}`,
      feeds,
      variables: new Map([...this.#variables].filter(([name]) => this.#isOwn(name))),
      captured: (builder, id) => addRead(builder, this.#capture(id)),
    });
    this.#moveOut();
    this.#graphs.set(key, graph);
    return graph;
  }

  #readOwn({ session, names, reads }: OpenSession): NamedTensors {
    if (names.length === 0) return {};
    return namedTensors(this.#backend, names, session.run(new Map(), reads));
  }

  #isOwn(name: string): boolean {
    return !name.startsWith(CAPTURED);
  }

  /** A variable with the values of a tensor that is not ours. */
  #capture(id: number): VariableNodes {
    let name = this.#captured.get(id);
    if (name === undefined) {
      name = `${CAPTURED}${this.#captured.size}`;
      this.#captured.set(id, name);
      this.#declare(name, handleOf(this.#backend.binding, id, "same"));
    }
    return this.#variables.get(name)!;
  }

  #declare(name: string, handle: TensorHandle): void {
    const [value] = this.#tensors([handle]);
    this.#outside[name] = tf.keep(value!);
    this.#variables.set(name, addVariable(this.#declarations, name, handle));
  }

  #moveOut(): void {
    if (this.#open === null) return;
    const inside = this.#readOwn(this.#open);
    for (const tensor of Object.values(inside)) tf.keep(tensor);
    Object.assign(this.#outside, inside);
    this.#open.session.close();
    this.#open = null;
  }

  #opened(): OpenSession {
    if (this.#open !== null) return this.#open;
    const graph = new GraphBuilder("state");
    const variables = [...this.#variables];
    const own = variables.filter(([name]) => this.#isOwn(name));
    const setAll = addSetAll(graph, this.#variables.values());
    const reads = own.map(([, variable]) => addRead(graph, variable));
    const steps = [...this.#graphs.values()].flatMap(({ nodes }) => nodes);
    const nodes = [...this.#declarations.nodes, ...graph.nodes, ...steps];
    const session = new GraphSession(this.#backend.binding, nodes);
    const ids = this.#backend.getInputTensorIds(variables.map(([name]) => this.#outside[name]!));
    const feeds = new Map(
      variables.map(([, { placeholder }], index) => [placeholder, ids[index]!]),
    );
    tf.dispose(this.#tensors(session.run(feeds, [setAll])));
    const names = own.map(([name]) => name);
    for (const name of names) {
      // Held outside too, it would be copied when a step changes it.
      this.#outside[name]!.dispose();
      delete this.#outside[name];
    }
    this.#open = { session, names, reads };
    return this.#open;
  }

  #tensors(handles: readonly TensorHandle[]): Tensor[] {
    return handles.map((handle) => this.#backend.createOutputTensor(handle));
  }
}
