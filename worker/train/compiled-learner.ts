import * as tf from "@tensorflow/tfjs-core";
import type { Scalar, Tensor } from "@tensorflow/tfjs-core";
import { lossAndGradients } from "../model/loss-and-gradients.ts";
import type { CaptionBatch, CaptionTokens } from "../model/trainable.ts";
import { Program } from "../tensor/compile/program.ts";
import type { NamedTensors } from "../tensor/named-tensors.ts";
import type { Step } from "../tensor/compile/step-graph.ts";
import type { RunnableStep } from "../tensor/step-runner.ts";
import { accumulationNodes, adamwNodes, emptyingNodes, graphName } from "./adamw-nodes.ts";
import { type AdamWState, stepFactors } from "./adamw.ts";
import { type BatchPart, partsOf } from "./batch-pieces.ts";
import { disposeBatch } from "./caption-batch.ts";
import type { Learner, LearnerOptions, StepInputs } from "./learner.ts";

/**
 * Runs a step as one graph, with the parameters and the optimiser's state in TensorFlow's session.
 * Needs the native engine.
 */
export class CompiledLearner implements Learner {
  readonly #options: LearnerOptions;
  readonly #names: readonly string[];
  readonly #program: Program;
  /** Takes a step, or adds the gradients of a part of a batch to their sums. */
  readonly #learn: RunnableStep;
  /** Takes a step with the sums; null where a batch is one part. */
  readonly #apply: RunnableStep | null;
  #stepsTaken: number;
  #lent: AdamWState | null = null;

  constructor(options: LearnerOptions) {
    const { trainable, state, settings, accumulate = 1 } = options;
    const isWhole = accumulate === 1;
    this.#options = options;
    this.#names = Object.keys(trainable.parameters);
    this.#stepsTaken = state.step;
    this.#program = new Program({
      ...renamed(trainable.parameters, graphName.parameter),
      ...renamed(state.m, graphName.m),
      ...renamed(state.v, graphName.v),
      ...(isWhole ? {} : renamed(zerosLike(trainable.parameters), graphName.sum)),
    });
    trainable.replaceParameters({});
    this.#learn = this.#program.compile({
      compute: (variables, feeds) => this.#compute(variables, feeds),
      results: ["loss"],
      update: (scope) =>
        isWhole ? adamwNodes(scope, this.#names, settings) : accumulationNodes(scope, this.#names),
    });
    this.#apply = isWhole ? null : this.#program.compile(this.#applying());
  }

  async step({ batch, lr, dropoutSeed }: StepInputs): Promise<number> {
    const { settings, accumulate = 1 } = this.#options;
    const factors = stepFactors(settings, { step: this.#stepsTaken + 1, lr });
    const scalars = Object.fromEntries(
      Object.entries(factors).map(([name, factor]) => [name, tf.scalar(factor)]),
    );
    let loss = 0;
    for (const part of await partsOf(batch, { count: accumulate, dropoutSeed })) {
      loss += await this.#lossOf(part, this.#apply === null ? scalars : {});
      if (part.batch !== batch) disposeBatch(part.batch);
    }
    if (this.#apply !== null) tf.dispose(this.#apply(scalars));
    tf.dispose(scalars);
    this.#stepsTaken += 1;
    return loss;
  }

  /** Of the part's pieces, each times its share. */
  async #lossOf({ batch, pieces }: BatchPart, scalars: NamedTensors): Promise<number> {
    const seeds = pieces.flatMap(({ dropoutSeed }) => dropoutSeed ?? []);
    const shares = tf.tensor1d(pieces.map(({ share }) => share));
    const drawn = seeds.length === 0 ? {} : { dropoutSeeds: tf.tensor1d(seeds, "int32") };
    const { loss } = this.#learn({ ...batch, ...scalars, shares, ...drawn });
    const [value] = await loss!.data();
    tf.dispose([loss!, shares, drawn]);
    return value!;
  }

  async withState<T>(use: (state: AdamWState) => Promise<T>): Promise<T> {
    if (this.#lent !== null) return use(this.#lent);
    const { trainable } = this.#options;
    const values = this.#program.read();
    for (const name of this.#apply === null ? [] : this.#names) {
      values[graphName.sum(name)]!.dispose();
    }
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

  /** A step of the optimiser with the sums as gradients, which are empty afterwards. */
  #applying(): Step {
    const { settings } = this.#options;
    const done = "done";
    return {
      compute: (variables) => ({
        ...Object.fromEntries(
          this.#names.map((name) => [graphName.gradient(name), variables[graphName.sum(name)]!]),
        ),
        [done]: tf.scalar(1),
      }),
      results: [done],
      update: (scope) => {
        const steps = adamwNodes(scope, this.#names, settings);
        return emptyingNodes(scope, this.#names, steps);
      },
    };
  }

  #compute(variables: NamedTensors, feeds: NamedTensors): NamedTensors {
    const parameters = Object.fromEntries(
      this.#names.map((name) => [name, variables[graphName.parameter(name)]!]),
    );
    const { loss, gradients } = lossAndGradients(parameters, (named) => this.#loss(named, feeds));
    return { loss, ...renamed(gradients, graphName.gradient) };
  }

  /** The sum of the pieces' losses, each computed by operations of its own, times their shares. */
  #loss(parameters: NamedTensors, feeds: NamedTensors): Scalar {
    const { shares, dropoutSeeds } = feeds;
    if (shares === undefined) throw new Error("a step was given no shares");
    const [count] = shares.shape;
    const each = (tensor: Tensor): Tensor[] => tf.split(tensor, count);
    const scalars = (tensor: Tensor): Tensor[] => each(tensor).map((part) => tf.squeeze(part));
    const batch = Object.entries(feeds).filter(([name]) => BATCH.has(name));
    const batches = batch.map(([name, tensor]) => [name, each(tensor)] as const);
    const seeds = dropoutSeeds && scalars(dropoutSeeds);
    const losses = scalars(shares).map((share, index) => {
      const piece = Object.fromEntries(batches.map(([name, pieces]) => [name, pieces[index]!]));
      if (!isBatch(piece)) throw new Error("a step was given no batch");
      const loss = this.#options.trainable.loss(parameters, piece, seeds?.[index] ?? null);
      return tf.mul<Scalar>(loss, share);
    });
    return losses.reduce((sum, loss) => tf.add<Scalar>(sum, loss));
  }
}

function zerosLike(tensors: NamedTensors): NamedTensors {
  return Object.fromEntries(
    Object.entries(tensors).map(([name, tensor]) => [name, tf.zerosLike(tensor)]),
  );
}

function renamed(tensors: NamedTensors, name: (of: string) => string): NamedTensors {
  return Object.fromEntries(Object.entries(tensors).map(([key, value]) => [name(key), value]));
}

const TOKENS: readonly (keyof CaptionTokens)[] = ["inputIds", "attentionMask", "labels"];
const IMAGES = ["pixelValues", "imageStates"];
const BATCH: ReadonlySet<string> = new Set([...TOKENS, ...IMAGES]);

function isBatch(tensors: NamedTensors): tensors is NamedTensors & CaptionBatch {
  const has = (name: string): boolean => name in tensors;
  return TOKENS.every(has) && IMAGES.some(has);
}
