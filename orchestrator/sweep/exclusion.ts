import type { Assignment } from "./arm.ts";
import { canonicalJson } from "./canonical-json.ts";
import { nearestName } from "./nearest-name.ts";
import type { Problem } from "./problem.ts";
import type { SweepFile } from "./sweep-schema.ts";

type Rule = SweepFile["exclude"][number];

interface ExclusionCandidate {
  arm: string;
  seed: number;
  point: Assignment;
  fixed: Assignment;
}

/** One rule of `exclude`; remembers whether it has left anything out. */
export class Exclusion {
  readonly #index: number;
  readonly #arm: string | undefined;
  readonly #seed: number | undefined;
  readonly #values: (readonly [name: string, value: unknown])[];
  #hasMatched = false;

  constructor(rule: Rule, index: number) {
    const { arm, seed, ...values } = rule;
    this.#index = index;
    this.#arm = arm;
    this.#seed = seed;
    this.#values = Object.entries(values).map(([name, value]) => [
      name.replace(/^train\./, ""),
      value,
    ]);
  }

  /** Whether all values of the rule hold for a trial, whether they vary in its arm or not. */
  matches({ arm, seed, point, fixed }: ExclusionCandidate): boolean {
    if (this.#arm !== undefined && this.#arm !== arm) return false;
    if (this.#seed !== undefined && this.#seed !== seed) return false;
    const holds = this.#values.every(([name, value]) => isEqual(point[name] ?? fixed[name], value));
    if (holds) this.#hasMatched = true;
    return holds;
  }

  /** The problem of a rule that has left nothing out, if it has not. */
  unmatched(): Problem[] {
    const message = "this rule matches no trial";
    return this.#hasMatched ? [] : [{ path: ["exclude", this.#index], part: "value", message }];
  }
}

/** The rules of a sweep, and those that name an arm which does not exist. */
export function exclusionsOf(sweep: SweepFile): { exclusions: Exclusion[]; problems: Problem[] } {
  const arms = Object.keys(sweep.arms);
  const problems: Problem[] = [];
  const exclusions = sweep.exclude.flatMap((rule, index) => {
    if (rule.arm === undefined || arms.includes(rule.arm)) return [new Exclusion(rule, index)];
    const near = nearestName(rule.arm, arms);
    const hint = near === undefined ? "" : `; did you mean "${near}"?`;
    const message = `there is no arm "${rule.arm}"${hint} (arms: ${arms.join(", ")})`;
    problems.push({ path: ["exclude", index, "arm"], part: "value", message });
    return [];
  });
  return { exclusions, problems };
}

function isEqual(a: unknown, b: unknown): boolean {
  return a === b || (Array.isArray(a) && canonicalJson(a) === canonicalJson(b));
}
