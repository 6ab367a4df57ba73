import * as tf from "@tensorflow/tfjs-core";
import { lossAndGradients } from "../model/loss-and-gradients.ts";
import type { CaptionBatch, CaptionTokens } from "../model/trainable.ts";
import { Program } from "../tensor/compile/program.ts";
import type { NamedTensors } from "../tensor/named-tensors.ts";
import type { RunnableStep } from "../tensor/step-runner.ts";
import { adamwNodes, graphName } from "./adamw-nodes.ts";
import { type AdamWState, stepFactors } from "./adamw.ts";
import type { Learner, LearnerOptions, StepInputs } from "./learner.ts";

/**
 * Runs a step as one graph, with the parameters and the optimiser's state in TensorFlow's session.
 * Needs the native engine.
 */
export class CompiledLearner implements Learner {
  readonly #options: LearnerOptions;
  readonly #names: readonly string[];
  readonly #program: Program;
  readonly #step: RunnableStep;
  #stepsTaken: number;
  #lent: AdamWState | null = null;

  constructor(options: LearnerOptions) {
    const { trainable, state, settings } = options;
    this.#options = options;
    this.#names = Object.keys(trainable.parameters);
    this.#stepsTaken = state.step;
    this.#program = new Program({
      ...renamed(trainable.parameters, graphName.parameter),
      ...renamed(state.m, graphName.m),
      ...renamed(state.v, graphName.v),
    });
    trainable.replaceParameters({});
    this.#step = this.#program.compile({
      compute: (variables, feeds) => this.#compute(variables, feeds),
      results: ["loss"],
      update: (scope) => adamwNodes(scope, this.#names, settings),
    });
  }

  async step({ batch, lr, dropoutSeed }: StepInputs): Promise<number> {
    const { settings } = this.#options;
    const factors = stepFactors(settings, { step: this.#stepsTaken + 1, lr });
    const scalars: NamedTensors = {
      ...Object.fromEntries(
        Object.entries(factors).map(([name, factor]) => [name, tf.scalar(factor)]),
      ),
      ...(dropoutSeed !== null && { dropoutSeed: tf.scalar(dropoutSeed, "int32") }),
    };
    const { loss } = this.#step({ ...batch, ...scalars });
    this.#stepsTaken += 1;
    const [value] = await loss!.data();
    tf.dispose([loss!, scalars]);
    return value!;
  }

  async withState<T>(use: (state: AdamWState) => Promise<T>): Promise<T> {
    if (this.#lent !== null) return use(this.#lent);
    const { trainable } = this.#options;
    const values = this.#program.read();
    const taken = (name: (parameter: string) => string): NamedTensors =>
      Object.fromEntries(this.#names.map((each) => [each, values[name(each)]!]));
    trainable.replaceParameters(taken(graphName.parameter));
    const state = { step: this.#stepsTaken, m: taken(graphName.m), v: taken(graphName.v) };
    this.#lent = state;
    try {
      return await use(state);
    } finally {
      this.#lent = null;
      trainable.replaceParameters({});
      tf.dispose([state.m, state.v]);
    }
  }

  dispose(): void {
    this.#program.dispose();
  }

  #compute(variables: NamedTensors, feeds: NamedTensors): NamedTensors {
    const parameters = Object.fromEntries(
      this.#names.map((name) => [name, variables[graphName.parameter(name)]!]),
    );
    if (!isBatch(feeds)) throw new Error("a step was given no batch");
    const { trainable } = this.#options;
    const dropoutSeed = feeds["dropoutSeed"] ?? null;
    const { loss, gradients } = lossAndGradients(trainable, feeds, dropoutSeed, parameters);
    return { loss, ...renamed(gradients, graphName.gradient) };
  }
}

function renamed(tensors: NamedTensors, name: (of: string) => string): NamedTensors {
  return Object.fromEntries(Object.entries(tensors).map(([key, value]) => [name(key), value]));
}

const TOKENS: readonly (keyof CaptionTokens)[] = ["inputIds", "attentionMask", "labels"];

function isBatch(feeds: NamedTensors): feeds is NamedTensors & CaptionBatch {
  return (
    TOKENS.every((name) => name in feeds) && ("pixelValues" in feeds || "imageStates" in feeds)
  );
}
