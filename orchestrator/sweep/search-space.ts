import type { Arm, Assignment } from "./arm.ts";
import { canonicalJson } from "./canonical-json.ts";
import { draw } from "./draw.ts";
import { rankOf } from "./parameters.ts";
import type { Problem } from "./problem.ts";
import { isAxis, isSampled, type ParameterValue, type SampledAxis } from "./swept-value.ts";
import type { YamlPath } from "./yaml-node.ts";

/** More trials than this in one sweep are a slip of the pen. */
export const MAX_TRIALS = 200_000;

interface SampledParameter {
  name: string;
  axis: SampledAxis;
  path: YamlPath;
}

/** Alternatives of which a point takes one each: a grid, a zip or the joint draws. */
type Factor = Assignment[];

/**
 * The points of an arm: grid points × zip rows × joint draws, the last factor varying fastest. A
 * point holds the swept parameters only, in the order in which people are shown them.
 */
export function pointsOf(
  arm: Arm,
  samplingSeed: number,
): { points: Assignment[]; problems: Problem[] } {
  const problems: Problem[] = [];
  const factors = [...gridFactors(arm, problems), ...zipFactors(arm, problems)];
  const sampled = sampledParameters(arm);
  const clash = unequalSamples(sampled);
  if (clash) problems.push(clash);
  else if (sampled.length > 0) factors.push(jointDraws(arm.name, sampled, samplingSeed, problems));
  const size = factors.reduce((product, { length }) => product * length, 1);
  if (size > MAX_TRIALS) {
    const message = `this arm has ${size} points; a sweep may have ${MAX_TRIALS} trials`;
    problems.push({ path: ["arms", arm.name], part: "key", message });
  }
  return { points: problems.length === 0 ? combinations(factors).map(inOrder) : [], problems };
}

function combinations(factors: Factor[]): Assignment[] {
  return factors.reduce<Assignment[]>(
    (points, factor) =>
      points.flatMap((point) => factor.map((alternative) => ({ ...point, ...alternative }))),
    [{}],
  );
}

function inOrder(point: Assignment): Assignment {
  const entries = Object.entries(point);
  return Object.fromEntries(entries.toSorted(([a], [b]) => rankOf(a) - rankOf(b)));
}

function gridFactors(arm: Arm, problems: Problem[]): Factor[] {
  return Object.entries(arm.parameters).flatMap(([name, { value, path }]) => {
    if (!isAxis(value) || !("grid" in value)) return [];
    const factor = value.grid.map((entry) => ({ [name]: entry }));
    problems.push(...repeats(factor, [...(path ?? []), "grid"]));
    return [factor];
  });
}

function zipFactors(arm: Arm, problems: Problem[]): Factor[] {
  return arm.zips.map(({ path, rows }) => {
    problems.push(...repeats(rows, path));
    return rows;
  });
}

/** Equal alternatives of one factor would make each of their trials twice. */
function repeats(factor: Factor, list: YamlPath): Problem[] {
  const firstAt = new Map<string, number>();
  return factor.flatMap((alternative, index): Problem[] => {
    const text = canonicalJson(alternative);
    const first = firstAt.get(text);
    if (first === undefined) {
      firstAt.set(text, index);
      return [];
    }
    const message = `${assignmentText(alternative)} is given twice: its trials would be the same`;
    const related = { path: [...list, first], part: "value" as const, message: "first given here" };
    return [{ path: [...list, index], part: "value", message, related }];
  });
}

/** `lr=1e-5, lora.r=8` */
export function assignmentText(assignment: Assignment): string {
  return Object.entries(assignment)
    .map(([name, value]) => `${name}=${valueText(value)}`)
    .join(", ");
}

/** A value as a person would write it: small numbers with an exponent, `1e-5`. */
export function valueText(value: ParameterValue): string {
  if (Array.isArray(value)) return `[${value.join(", ")}]`;
  const isSmall = typeof value === "number" && value !== 0 && Math.abs(value) < 1e-3;
  return isSmall ? value.toExponential() : String(value);
}

function sampledParameters(arm: Arm): SampledParameter[] {
  return Object.entries(arm.parameters).flatMap(([name, { value, path }]) =>
    isSampled(value) ? [{ name, axis: value, path: path ?? [] }] : [],
  );
}

function unequalSamples([first, ...others]: SampledParameter[]): Problem | undefined {
  const other = others.find(({ axis }) => axis.samples !== first?.axis.samples);
  if (!first || !other) return undefined;
  const [a, b] = [first, other].map(({ name, axis }) => `"${name}" has ${axis.samples}`);
  return {
    path: [...other.path, "samples"],
    part: "value",
    message: `the sampled parameters of an arm are drawn together: ${a} samples, ${b}`,
    related: { path: [...first.path, "samples"], part: "value", message: "compare this one" },
  };
}

/**
 * A draw that repeats an earlier one is passed over for the next, so that every sample is a trial
 * of its own; what was drawn before stays as it was. With every point equally likely, the chance to
 * stop while one is left is below e^-64.
 */
const MISSES_PER_POINT = 64;

function jointDraws(
  arm: string,
  sampled: SampledParameter[],
  samplingSeed: number,
  problems: Problem[],
): Factor {
  const wanted = sampled[0]?.axis.samples ?? 0;
  const draws = new Map<string, Assignment>();
  let misses = 0;
  for (let index = 0; draws.size < wanted; index += 1) {
    const values = sampled.map(({ name, axis }): [string, ParameterValue] => [
      name,
      draw(axis, { samplingSeed, arm, parameter: name, index }),
    ]);
    const text = JSON.stringify(values);
    misses = draws.has(text) ? misses + 1 : 0;
    draws.set(text, Object.fromEntries(values));
    if (misses <= MISSES_PER_POINT * (draws.size + 1)) continue;
    const message = `only ${draws.size} different draws exist, fewer than ${wanted} samples`;
    problems.push({ path: [...(sampled[0]?.path ?? []), "samples"], part: "value", message });
    break;
  }
  return [...draws.values()];
}
