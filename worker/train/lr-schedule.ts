import type { TrainSettings } from "../contract/trial-spec.ts";

/**
 * The learning rate of optimiser step `step`, counted from 1, of `totalSteps`. `linear` falls from
 * `lr` in equal parts, `cosine` along half a wave; both would reach 0 one step after the last, as
 * in Hugging Face's schedules without warm-up.
 */
export function learningRate(
  { lr, schedule }: Pick<TrainSettings, "lr" | "schedule">,
  step: number,
  totalSteps: number,
): number {
  const done = (step - 1) / totalSteps;
  switch (schedule) {
    case "constant":
      return lr;
    case "linear":
      return lr * (1 - done);
    case "cosine":
      return lr * 0.5 * (1 + Math.cos(Math.PI * done));
    default:
      return schedule satisfies never;
  }
}
