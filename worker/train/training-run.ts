import type { Recipe, TrainSettings } from "../contract/trial-spec.ts";
import type { CaptionBatch } from "../model/trainable.ts";
import {
  type AttemptClock,
  type AttemptControl,
  AttemptStopped,
  eventLoopTurn,
} from "./attempt-control.ts";
import { disposeBatch } from "./caption-batch.ts";
import type { CheckpointKeeper, TrainingProgress } from "./checkpoint-keeper.ts";
import { dropoutSeed, epochOrder, type Example, stepsPerEpoch } from "./epoch-order.ts";
import type { Evaluation, EvaluationProgress } from "./evaluate.ts";
import type { EventLog } from "./event-log.ts";
import { assertFinite, type Learner } from "./learner.ts";
import { learningRate } from "./lr-schedule.ts";

export interface TrainingRunOptions {
  settings: TrainSettings;
  validate: Recipe["validate"];
  seed: number;
  learner: Learner;
  /** How many captions each training image has. */
  captionCounts: readonly number[];
  makeBatch: (examples: readonly Example[]) => Promise<CaptionBatch>;
  /** Told of the examples that follow, so that their images can be read meanwhile. */
  prefetch: (examples: readonly Example[]) => void;
  /** Captions and scores the objective's images, waiting for `onProgress` between batches. */
  evaluate: (onProgress: EvaluationProgress) => Promise<Evaluation>;
  keeper: CheckpointKeeper;
  control: AttemptControl;
  clock: AttemptClock;
  log: EventLog;
  progress: TrainingProgress;
  /** Told of each step done. */
  reached: (step: number) => void;
}

/**
 * The training loop of a trial, from any state it was ever in: what is computed from there depends
 * on that state and the settings only, so a resumed run ends as an uninterrupted one, bit for bit.
 */
export class TrainingRun {
  readonly #options: TrainingRunOptions;
  readonly #stepsPerEpoch: number;
  #progress: TrainingProgress;

  constructor(options: TrainingRunOptions) {
    this.#options = options;
    this.#progress = options.progress;
    const { captionCounts, settings } = options;
    this.#stepsPerEpoch = stepsPerEpoch(captionCounts, settings);
  }

  get progress(): TrainingProgress {
    return this.#progress;
  }

  /**
   * Returns when all epochs are done. Throws `AttemptStopped` when that was asked for, the state
   * being on disk unless superseded; Failure `nan-loss`, `disk-full` and those of reading images.
   */
  async run(): Promise<void> {
    while (this.#progress.epoch < this.#options.settings.epochs) {
      await this.#trainEpoch();
      await this.#endEpoch();
    }
  }

  async #trainEpoch(): Promise<void> {
    const { settings, captionCounts, seed } = this.#options;
    const { epoch } = this.#progress;
    const order = epochOrder({ captionCounts, captions: settings.captions, seed, epoch });
    while (this.#progress.step_in_epoch < this.#stepsPerEpoch) {
      await this.#stopIfAsked();
      const first = this.#progress.step_in_epoch * settings.batch_size;
      const next = first + settings.batch_size;
      await this.#step(order.slice(first, next), order.slice(next, next + settings.batch_size));
      await this.#checkpointIfDue();
    }
  }

  async #step(examples: readonly Example[], following: readonly Example[]): Promise<void> {
    const { settings, seed, learner, clock, log } = this.#options;
    const began = clock.monotonicSeconds();
    const { epoch, step: stepsDone } = this.#progress;
    const totalSteps = settings.epochs * this.#stepsPerEpoch;
    const lr = learningRate(settings, stepsDone + 1, totalSteps);
    const batch = await this.#options.makeBatch(examples);
    this.#options.prefetch(following);
    const loss = await learner
      .step({ batch, lr, dropoutSeed: dropoutSeed(seed, stepsDone) })
      .finally(() => disposeBatch(batch));
    assertFinite(loss, { step: stepsDone + 1, lr });
    this.#advance({
      step: stepsDone + 1,
      step_in_epoch: this.#progress.step_in_epoch + 1,
      loss_sum: this.#progress.loss_sum + loss,
    });
    const { step } = this.#progress;
    this.#options.reached(step);
    const step_seconds = clock.monotonicSeconds() - began;
    const always = this.#progress.step_in_epoch === this.#stepsPerEpoch;
    log.writeStep({ type: "step", epoch, step, loss, lr, step_seconds }, { always });
  }

  /** Validates the epoch if it is its turn, records it and checkpoints. */
  async #endEpoch(): Promise<void> {
    const { settings, validate, log } = this.#options;
    const { epoch, step, loss_sum, epochs } = this.#progress;
    const loss = loss_sum / this.#stepsPerEpoch;
    const isTurn = (epoch + 1) % validate.every_epochs === 0 || epoch + 1 === settings.epochs;
    const evaluation = isTurn ? await this.#evaluate() : null;
    const metrics = evaluation === null ? null : { cider: evaluation.cider };
    this.#advance({
      epoch: epoch + 1,
      step_in_epoch: 0,
      loss_sum: 0,
      epochs: [...epochs, { epoch, step, loss, metrics }],
    });
    if (evaluation !== null && metrics !== null) {
      const images = evaluation.predictions.length;
      log.write({ type: "validated", epoch, step, loss, metrics, images });
      await this.#keepIfBest(evaluation);
    }
    await this.#save();
  }

  async #evaluate(): Promise<Evaluation> {
    const { evaluate, learner, log } = this.#options;
    const { epoch, step } = this.#progress;
    return learner.withState(() =>
      evaluate(async (done, images) => {
        await this.#stopIfAsked();
        log.write({ type: "validating", epoch, step, done, images });
        await this.#checkpointIfDue();
      }),
    );
  }

  /** Of equal scores the earlier epoch stays the best: it cost less. */
  async #keepIfBest({ cider, predictions }: Evaluation): Promise<void> {
    const { best, step, epochs } = this.#progress;
    if (best !== null && cider <= best.metrics.cider) return;
    const { keeper, learner } = this.#options;
    const path = await learner.withState(() => keeper.saveBest(this.#progress, predictions));
    const { epoch } = epochs[epochs.length - 1]!;
    this.#advance({ best: { epoch, step, metrics: { cider }, path } });
  }

  async #stopIfAsked(): Promise<void> {
    await eventLoopTurn();
    const why = this.#options.control.requested();
    if (why === null) return;
    if (why !== "superseded" && this.#progress.step > 0) await this.#save();
    throw new AttemptStopped(why);
  }

  async #checkpointIfDue(): Promise<void> {
    const { keeper, control } = this.#options;
    const isAsked = control.checkpointAsked?.() === true;
    if (isAsked || keeper.isDue) await this.#save();
  }

  #save(): Promise<void> {
    const { keeper, learner } = this.#options;
    return learner.withState((optimizer) => keeper.saveResumable(this.#progress, optimizer));
  }

  #advance(change: Partial<TrainingProgress>): void {
    this.#progress = { ...this.#progress, ...change };
  }
}
