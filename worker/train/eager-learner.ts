import * as tf from "@tensorflow/tfjs-core";
import { lossAndGradients } from "../model/loss-and-gradients.ts";
import { type BatchPart, partsOf, pieceBatches } from "./batch-pieces.ts";
import { disposeBatch } from "./caption-batch.ts";
import type { NamedTensors } from "../tensor/named-tensors.ts";
import { type AdamWState, adamwStep } from "./adamw.ts";
import type { Learner, LearnerOptions, StepInputs } from "./learner.ts";

/** Runs each operation of a step by itself, on any engine. */
export class EagerLearner implements Learner {
  readonly #options: LearnerOptions;
  #state: AdamWState;

  constructor(options: LearnerOptions) {
    this.#options = options;
    this.#state = options.state;
  }

  async step({ batch, lr, dropoutSeed }: StepInputs): Promise<number> {
    const { trainable, settings, accumulate: count = 1 } = this.#options;
    const parts = await partsOf(batch, { count, dropoutSeed });
    const { loss, gradients } = await this.#lossAndGradients(parts);
    for (const part of parts) if (part.batch !== batch) disposeBatch(part.batch);
    const { parameters } = trainable;
    const next = adamwStep({ parameters, gradients, state: this.#state, lr, settings });
    tf.dispose([gradients, this.#state.m, this.#state.v]);
    trainable.replaceParameters(next.parameters);
    this.#state = next.state;
    return loss;
  }

  /** Of the whole batch, piece after piece. The caller disposes the gradients. */
  async #lossAndGradients(
    parts: readonly BatchPart[],
  ): Promise<{ loss: number; gradients: NamedTensors }> {
    const { trainable } = this.#options;
    let loss = 0;
    let gradients: NamedTensors = {};
    for (const part of parts) {
      for (const [index, batch] of pieceBatches(part).entries()) {
        const { share, dropoutSeed } = part.pieces[index]!;
        const found = lossAndGradients(trainable.parameters, (parameters) =>
          tf.mul(trainable.loss(parameters, batch, dropoutSeed), share),
        );
        loss += (await found.loss.data())[0]!;
        const before = gradients;
        gradients = tf.tidy(() => sums(before, found.gradients));
        tf.dispose([found, before]);
        disposeBatch(batch);
      }
    }
    return { loss, gradients };
  }

  withState<T>(use: (state: AdamWState) => Promise<T>): Promise<T> {
    return use(this.#state);
  }

  dispose(): void {
    tf.dispose([this.#state.m, this.#state.v]);
  }
}

/** New tensors, the sums of those that have one name. */
function sums(some: NamedTensors, more: NamedTensors): NamedTensors {
  return Object.fromEntries(
    Object.entries(more).map(([name, tensor]) => {
      const other = some[name];
      return [name, other === undefined ? tensor.clone() : tf.add(tensor, other)];
    }),
  );
}
