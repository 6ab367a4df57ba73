import type { Recipe, TrialSpec } from "../../worker/contract/trial-spec.ts";
import type { Arm, Assignment } from "./arm.ts";
import { baselineTrials, baselineValues } from "./baselines.ts";
import { exclusionsOf } from "./exclusion.ts";
import { durationSeconds } from "./parameters.ts";
import type { Problem } from "./problem.ts";
import { recipeOf, trialId, type Judgement } from "./recipe.ts";
import { assignmentText, MAX_TRIALS } from "./search-space.ts";
import { isAxis } from "./swept-value.ts";
import type { SweepFile } from "./sweep-schema.ts";

/** A model folder on the machine that trains, and the digest of what defines the model. */
export interface ResolvedModel {
  directory: string;
  digest: string;
}

export interface PlanInputs {
  sweep: SweepFile;
  /** Each arm with its points and its model. */
  arms: { arm: Arm; points: Assignment[]; model: ResolvedModel }[];
  dataset: { directory: string; annotations: Record<string, string> };
}

interface TrialPlan {
  /** In hand-out order. */
  specs: TrialSpec[];
  /** How many trials `exclude` left out. */
  excluded: number;
  problems: Problem[];
}

/**
 * The trials of a sweep in the order of hand-out: baselines, which are cheap and give the floor; then
 * seed by seed and, within a seed, the arms in turn. So every arm has a first result early, and every
 * parameter set has one before any has a second.
 */
export function planTrials(inputs: PlanInputs): TrialPlan {
  const { sweep, arms } = inputs;
  const size = arms.reduce((sum, { points }) => sum + points.length * sweep.seeds.length, 0);
  if (size > MAX_TRIALS) {
    const message = `the sweep has ${size} trials; at most ${MAX_TRIALS} are possible`;
    return { specs: [], excluded: 0, problems: [{ path: ["arms"], part: "key", message }] };
  }
  const baselines = baselineSpecs(inputs);
  const { exclusions, problems } = exclusionsOf(sweep);
  problems.push(...baselines.problems);
  const specs = new Map(baselines.specs.map((spec) => [spec.id, spec]));
  let excluded = 0;
  for (const trial of inHandOutOrder(inputs)) {
    const { arm, seed, values } = trial;
    // Every rule is asked, so that each one knows whether it matches anything.
    if (exclusions.filter((rule) => rule.matches(arm.name, seed, values)).length > 0) {
      excluded += 1;
      continue;
    }
    const spec = armSpec(inputs, trial);
    const twin = specs.get(spec.id);
    if (twin) problems.push(duplicate(spec, twin));
    else specs.set(spec.id, spec);
  }
  problems.push(...exclusions.flatMap((rule) => rule.unmatched()));
  return { specs: [...specs.values()], excluded, problems: onePerPlace(problems) };
}

interface ArmTrial {
  arm: Arm;
  model: ResolvedModel;
  point: Assignment;
  seed: number;
  /** All parameters of the arm, the point's among them. */
  values: Assignment;
}

function* inHandOutOrder({ sweep, arms }: PlanInputs): Generator<ArmTrial> {
  const settled = arms.map(({ arm, model, points }) => {
    return { arm, model, points, fixed: fixedValues(arm) };
  });
  const longest = arms.reduce((most, { points }) => Math.max(most, points.length), 0);
  for (const seed of sweep.seeds) {
    for (let index = 0; index < longest; index += 1) {
      for (const { arm, model, points, fixed } of settled) {
        const point = points[index];
        if (point) yield { arm, model, point, seed, values: { ...fixed, ...point } };
      }
    }
  }
}

function fixedValues({ parameters }: Arm): Assignment {
  const fixed: Assignment = {};
  for (const [name, { value }] of Object.entries(parameters)) {
    if (!isAxis(value)) fixed[name] = value;
  }
  return fixed;
}

function armSpec(inputs: PlanInputs, { arm, model, point, seed, values }: ArmTrial): TrialSpec {
  const recipe = recipeOf({
    method: arm.method,
    model: { digest: model.digest, init: arm.init },
    values,
    seed,
    judgement: judgementOf(inputs),
  });
  return specOf(inputs, { recipe, arm: arm.name, params: point, model, values });
}

function baselineSpecs(inputs: PlanInputs): { specs: TrialSpec[]; problems: Problem[] } {
  const { values, problems } = baselineValues(inputs.sweep);
  if (problems.length > 0) return { specs: [], problems };
  const specs = baselineTrials(inputs.sweep, inputs.arms).map(({ baseline, source, params }) => {
    const recipe = recipeOf({
      method: baseline,
      model: source && { digest: source.model.digest, init: source.arm.init },
      values,
      seed: 0,
      judgement: judgementOf(inputs),
    });
    return specOf(inputs, { recipe, arm: baseline, params, model: source?.model, values });
  });
  return { specs, problems };
}

function judgementOf({ sweep, dataset }: PlanInputs): Judgement {
  const { format, precanned, rejected } = sweep.dataset;
  const { annotations } = dataset;
  return { objective: sweep.objective, dataset: { format, precanned, rejected, annotations } };
}

interface SpecParts {
  recipe: Recipe;
  arm: string;
  params: Assignment;
  model: ResolvedModel | undefined;
  values: Assignment;
}

function specOf({ sweep, dataset }: PlanInputs, parts: SpecParts): TrialSpec {
  const { recipe, arm, params, model, values } = parts;
  return {
    version: 1,
    id: trialId(recipe),
    sweep: sweep.name,
    arm,
    seed: recipe.seed,
    params,
    recipe,
    paths: { model: model?.directory ?? null, dataset: dataset.directory },
    settings: {
      checkpoint_every_seconds: durationSeconds(String(values["checkpoint.every"])),
      max_bad_images: sweep.dataset.max_bad_images,
    },
  };
}

function duplicate(spec: TrialSpec, twin: TrialSpec): Problem {
  const values = assignmentText({ ...spec.params, seed: spec.seed });
  return {
    path: ["arms", spec.arm],
    part: "key",
    message: `arm "${spec.arm}" repeats a trial of arm "${twin.arm}" (${values})`,
    related: { path: ["arms", twin.arm], part: "key", message: "the same trial comes from here" },
  };
}

/** Arms that agree do so in many trials; the first one says it. */
function onePerPlace(problems: Problem[]): Problem[] {
  const seen = new Set<string>();
  return problems.filter(({ path, related }) => {
    const places = JSON.stringify([path, related?.path]);
    return !seen.has(places) && seen.add(places);
  });
}
