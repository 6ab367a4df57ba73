import * as tf from "@tensorflow/tfjs-core";
import { lossAndGradients } from "../model/loss-and-gradients.ts";
import { type BatchPiece, piecesOf } from "./batch-pieces.ts";
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
    const { loss, gradients } = await this.#lossAndGradients(
      await piecesOf(batch, { count, dropoutSeed }),
    );
    const { parameters } = trainable;
    const next = adamwStep({ parameters, gradients, state: this.#state, lr, settings });
    tf.dispose([gradients, this.#state.m, this.#state.v]);
    trainable.replaceParameters(next.parameters);
    this.#state = next.state;
    return loss;
  }

  /** Of the whole batch. The caller disposes the gradients. */
  async #lossAndGradients(
    pieces: readonly BatchPiece[],
  ): Promise<{ loss: number; gradients: NamedTensors }> {
    let loss = 0;
    let gradients: NamedTensors | null = null;
    for (const { batch, share, dropoutSeed } of pieces) {
      const found = lossAndGradients(this.#options.trainable, batch, dropoutSeed);
      const [value] = await found.loss.data();
      found.loss.dispose();
      if (pieces.length === 1) return { loss: value!, gradients: found.gradients };
      const before: NamedTensors | null = gradients;
      gradients = tf.tidy(() => weightedSum(before, found.gradients, share));
      tf.dispose([before ?? [], found.gradients]);
      disposeBatch(batch);
      loss += share * value!;
    }
    return { loss, gradients: gradients ?? {} };
  }

  withState<T>(use: (state: AdamWState) => Promise<T>): Promise<T> {
    return use(this.#state);
  }

  dispose(): void {
    tf.dispose([this.#state.m, this.#state.v]);
  }
}

function weightedSum(sum: NamedTensors | null, more: NamedTensors, share: number): NamedTensors {
  return Object.fromEntries(
    Object.entries(more).map(([name, tensor]) => {
      const weighted = tf.mul(tensor, share);
      return [name, sum === null ? weighted : tf.add(sum[name]!, weighted)];
    }),
  );
}
