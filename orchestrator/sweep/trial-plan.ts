import type { Recipe, TrialSpec } from "../../worker/contract/trial-spec.ts";
import type { Arm, Assignment } from "./arm.ts";
import { baselineTrials, baselineValues } from "./baselines.ts";
import { exclusionsOf } from "./exclusion.ts";
import { durationSeconds } from "./parameters.ts";
import type { Problem } from "./problem.ts";
import { RecipeFamily, type Judgement } from "./recipe.ts";
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
 * The trials of a sweep in the order of hand-out: baselines, which are cheap and give the floor;
 * then seed by seed and, within a seed, the arms in turn. So every arm has a first result early,
 * and every parameter set has one before any has a second.
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
    // Every rule is asked, so that each one knows whether it matches anything.
    if (exclusions.filter((rule) => rule.matches(trial)).length > 0) {
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
  arm: string;
  model: ResolvedModel;
  /** The values that vary, and those that all trials of the arm share. */
  point: Assignment;
  fixed: Assignment;
  seed: number;
  recipes: RecipeFamily;
}

function* inHandOutOrder(inputs: PlanInputs): Generator<ArmTrial> {
  const { sweep, arms } = inputs;
  const families = arms.map(({ arm, model, points }) => {
    const fixed = fixedValues(arm);
    const { method, init } = arm;
    const recipes = new RecipeFamily({
      method,
      model: { digest: model.digest, init },
      values: { ...fixed, ...points[0] },
      judgement: judgementOf(inputs),
    });
    return { arm: arm.name, model, points, fixed, recipes };
  });
  const longest = arms.reduce((most, { points }) => Math.max(most, points.length), 0);
  for (const seed of sweep.seeds) {
    for (let index = 0; index < longest; index += 1) {
      for (const { arm, model, points, fixed, recipes } of families) {
        const point = points[index];
        if (point) yield { arm, model, point, fixed, seed, recipes };
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

function armSpec(inputs: PlanInputs, { arm, model, point, fixed, seed, recipes }: ArmTrial) {
  const { recipe, id } = recipes.member(point, seed);
  return specOf(inputs, { id, recipe, arm, params: point, model, settings: fixed });
}

function baselineSpecs(inputs: PlanInputs): { specs: TrialSpec[]; problems: Problem[] } {
  const { values, problems } = baselineValues(inputs.sweep);
  if (problems.length > 0) return { specs: [], problems };
  const specs = baselineTrials(inputs.sweep, inputs.arms).map(({ baseline, source, params }) => {
    const recipes = new RecipeFamily({
      method: baseline,
      model: source && { digest: source.model.digest, init: source.arm.init },
      values,
      judgement: judgementOf(inputs),
    });
    const { recipe, id } = recipes.member({}, 0);
    const model = source?.model;
    return specOf(inputs, { id, recipe, arm: baseline, params, model, settings: values });
  });
  return { specs, problems };
}

function judgementOf({ sweep, dataset }: PlanInputs): Judgement {
  const { format, precanned, rejected } = sweep.dataset;
  const { annotations } = dataset;
  return { objective: sweep.objective, dataset: { format, precanned, rejected, annotations } };
}

interface SpecParts {
  id: string;
  recipe: Recipe;
  arm: string;
  params: Assignment;
  model: ResolvedModel | undefined;
  /** Holds at least `checkpoint.every`. */
  settings: Assignment;
}

function specOf({ sweep, dataset }: PlanInputs, parts: SpecParts): TrialSpec {
  const { id, recipe, arm, params, model, settings } = parts;
  return {
    version: 1,
    id,
    sweep: sweep.name,
    arm,
    seed: recipe.seed,
    params,
    recipe,
    paths: { model: model?.directory ?? null, dataset: dataset.directory },
    settings: {
      checkpoint_every_seconds: durationSeconds(String(settings["checkpoint.every"])),
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
