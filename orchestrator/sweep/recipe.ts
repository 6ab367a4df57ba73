import { Recipe } from "../../worker/contract/trial-spec.ts";
import type { Assignment } from "./arm.ts";
import { canonicalJson, sha256 } from "./canonical-json.ts";
import type { ParameterValue } from "./swept-value.ts";

/** What all recipes of a sweep have in common. */
export type Judgement = Pick<Recipe, "objective" | "dataset">;

export interface RecipeParts {
  method: Recipe["method"];
  /** Null for a baseline that needs no model. */
  model: { digest: string; init: "pretrained" | "random" } | null;
  /** Values of all the method's parameters, by path. */
  values: Assignment;
  seed: number;
  judgement: Judgement;
}

/** Puts together what determines a trial's result. Throws for values that no sweep file can hold. */
export function recipeOf({ method, model, values, seed, judgement }: RecipeParts): Recipe {
  const { decode, validate, lora, checkpoint: _, ...train } = nested(values);
  return Recipe.parse({
    method,
    ...(model && { model }),
    ...(lora !== undefined && { lora }),
    ...(Object.keys(train).length > 0 && { train }),
    decode,
    validate,
    ...judgement,
    seed,
  });
}

/** `t` and 12 hex digits: equal recipes are the same trial, in whatever sweep, site or place. */
export function trialId(recipe: Recipe): string {
  return `t${sha256(canonicalJson(recipe)).slice(0, 12)}`;
}

/** `{"optimizer.eps": 1}` → `{optimizer: {eps: 1}}`; paths have one or two names. */
function nested(values: Assignment): Record<string, unknown> {
  const top: Assignment = {};
  const blocks: Record<string, Record<string, ParameterValue>> = {};
  for (const [path, value] of Object.entries(values)) {
    const dot = path.indexOf(".");
    if (dot === -1) top[path] = value;
    else (blocks[path.slice(0, dot)] ??= {})[path.slice(dot + 1)] = value;
  }
  return { ...top, ...blocks };
}
