import type { OptimizerSettings } from "../../../worker/contract/trial-spec.ts";

/** A parameter, its gradients step by step, and the learning rate of `documentedSteps`. */
export const start = [1, -2, 0.5, 0];
export const gradients = [
  [0.1, -3, 0, 1e-4],
  [-0.2, 1, 0, 2e-4],
  [0.4, 0.5, 0, -1e-4],
];
export const lr = 0.05;

/** The steps as torch.optim.AdamW documents them, in double precision. */
export function documentedSteps({
  betas: [beta1, beta2],
  eps,
  weight_decay,
}: OptimizerSettings): number[] {
  return start.map((value, index) => {
    let [parameter, m, v] = [value, 0, 0];
    for (const [step, gradient] of gradients.entries()) {
      const g = gradient[index]!;
      parameter -= lr * weight_decay * parameter;
      m = beta1 * m + (1 - beta1) * g;
      v = beta2 * v + (1 - beta2) * g * g;
      const mHat = m / (1 - beta1 ** (step + 1));
      const vHat = v / (1 - beta2 ** (step + 1));
      parameter -= (lr * mHat) / (Math.sqrt(vHat) + eps);
    }
    return parameter;
  });
}
