import { sweepValue, type Arm, type Assignment } from "./arm.ts";
import type { Problem } from "./problem.ts";
import { isAxis } from "./swept-value.ts";
import { BASELINES, type Baseline, type SweepFile } from "./sweep-schema.ts";

/** One baseline trial; it has no random part, so its seed is 0. */
export interface BaselineTrial<Model> {
  baseline: Baseline;
  /** Whose model it tries; null for `constant`, which needs none. */
  source: { arm: Arm; model: Model } | null;
  params: Assignment;
}

/**
 * One `untuned` trial for each distinct model of the arms, and one `constant`, as the sweep asks.
 */
export function baselineTrials<Model extends { digest: string }>(
  sweep: SweepFile,
  arms: readonly { arm: Arm; model: Model }[],
): BaselineTrial<Model>[] {
  const models = new Map(arms.map((entry) => [`${entry.model.digest} ${entry.arm.init}`, entry]));
  return BASELINES.filter((baseline) => sweep.baselines.includes(baseline)).flatMap(
    (baseline): BaselineTrial<Model>[] => {
      if (baseline === "constant") return [{ baseline, source: null, params: {} }];
      return [...models.values()].map(({ arm, model }) => {
        const params: Assignment = models.size > 1 ? { model: arm.model } : {};
        return { baseline, source: { arm, model }, params };
      });
    },
  );
}

const BASELINE_PARAMETERS = [
  "decode.num_beams",
  "decode.max_new_tokens",
  "validate.every_epochs",
  "validate.images",
  "checkpoint.every",
];

/** Baselines follow the sweep's own settings, which must then be plain values. */
export function baselineValues(sweep: SweepFile): { values: Assignment; problems: Problem[] } {
  const values: Assignment = {};
  const problems: Problem[] = [];
  for (const name of BASELINE_PARAMETERS) {
    const { value, path } = sweepValue(sweep, name);
    if (!isAxis(value)) values[name] = value;
    else if (path && sweep.baselines.length > 0) {
      const message = "baselines need one value here; try several in an arm instead";
      problems.push({ path, part: "key", message });
    }
  }
  return { values, problems };
}
