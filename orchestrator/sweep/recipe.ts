import { Recipe } from "../../worker/contract/trial-spec.ts";
import type { Assignment } from "./arm.ts";
import { canonicalJson, isJsonMap, sha256 } from "./canonical-json.ts";

/** What all recipes of a sweep have in common. */
export type Judgement = Pick<Recipe, "objective" | "dataset">;

export interface RecipeParts {
  method: Recipe["method"];
  /** Null for a baseline that needs no model. */
  model: { digest: string; init: "pretrained" | "random" } | null;
  /** Values of all the method's parameters, by path: those of any one member. */
  values: Assignment;
  judgement: Judgement;
}

/**
 * Recipes that differ in a few values. Members share the blocks they agree in, and the text of
 * these, so that a hundred thousand of them take a second.
 */
export class RecipeFamily {
  readonly #first: Recipe;
  readonly #texts: ReadonlyMap<unknown, string>;

  /** Throws for values that no sweep file can hold. */
  constructor({ method, model, values, judgement }: RecipeParts) {
    const { top: train, decode, validate, optimizer, lora } = byBlock(values);
    const trained = method !== "untuned" && method !== "constant";
    this.#first = Recipe.parse({
      method,
      ...(model && { model }),
      ...(method === "lora" && { lora }),
      ...(trained && { train: { ...train, optimizer } }),
      decode,
      validate,
      ...judgement,
      seed: 0,
    });
    this.#texts = new Map(blocksIn(this.#first).map((block) => [block, canonicalJson(block)]));
  }

  /** The recipe with these values in place; each has passed its parameter's schema. */
  member(values: Assignment, seed: number): { recipe: Recipe; id: string } {
    const recipe = varied(this.#first, values, seed);
    // Equal recipes are the same trial, in whatever sweep, site or place.
    return { recipe, id: `t${sha256(canonicalJson(recipe, this.#texts)).slice(0, 12)}` };
  }
}

function varied(first: Recipe, values: Assignment, seed: number): Recipe {
  const { top, decode, optimizer, lora } = byBlock(values);
  const judged = { seed, decode: changed(first.decode, decode) };
  if (first.method === "untuned" || first.method === "constant") return { ...first, ...judged };
  const changes = [optimizer && { optimizer: changed(first.train.optimizer, optimizer) }, top];
  return first.method === "lora"
    ? {
        ...first,
        ...judged,
        train: changed(first.train, ...changes),
        lora: changed(first.lora, lora),
      }
    : { ...first, ...judged, train: changed(first.train, ...changes) };
}

/** The maps within a map, however deep. */
function blocksIn(map: object): Record<string, unknown>[] {
  return Object.values(map)
    .filter(isJsonMap)
    .flatMap((block) => [block, ...blocksIn(block)]);
}

/** The block itself where nothing changes: its text is then known. */
function changed<T extends object>(block: T, ...changes: (object | undefined)[]): T {
  return changes.some((change) => change) ? Object.assign({}, block, ...changes) : block;
}

interface Blocks {
  top?: Assignment;
  optimizer?: Assignment;
  decode?: Assignment;
  validate?: Assignment;
  lora?: Assignment;
  checkpoint?: Assignment;
}

/** `{"lr": 1, "optimizer.eps": 2}` → `{top: {lr: 1}, optimizer: {eps: 2}}` */
function byBlock(values: Assignment): Blocks {
  const blocks: Record<string, Assignment> = {};
  for (const [path, value] of Object.entries(values)) {
    const dot = path.indexOf(".");
    const block = dot === -1 ? "top" : path.slice(0, dot);
    (blocks[block] ??= {})[path.slice(dot + 1)] = value;
  }
  return blocks;
}
