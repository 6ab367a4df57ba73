import * as tf from "@tensorflow/tfjs-core";
import { lossAndGradients } from "../model/loss-and-gradients.ts";
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
    const { trainable, settings } = this.#options;
    const { loss, gradients } = lossAndGradients(trainable, batch, dropoutSeed);
    const { parameters } = trainable;
    const next = adamwStep({ parameters, gradients, state: this.#state, lr, settings });
    const [value] = await loss.data();
    tf.dispose([loss, gradients, this.#state.m, this.#state.v]);
    trainable.replaceParameters(next.parameters);
    this.#state = next.state;
    return value!;
  }

  withState<T>(use: (state: AdamWState) => Promise<T>): Promise<T> {
    return use(this.#state);
  }

  dispose(): void {
    tf.dispose([this.#state.m, this.#state.v]);
  }
}
