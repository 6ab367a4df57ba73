import type { ArmFile, SweepFile, ZipGroup } from "./sweep-schema.ts";
import { isJsonMap } from "./canonical-json.ts";
import { parametersOf, PARAMETERS } from "./parameters.ts";
import type { Problem } from "./problem.ts";
import type { ParameterValue, SweptValue } from "./swept-value.ts";
import type { YamlPath } from "./yaml-node.ts";

/** Values of some parameters, by path. */
export type Assignment = Record<string, ParameterValue>;

/** A parameter's value and where the file gives it; null for a fallback. */
interface Given {
  value: SweptValue;
  path: YamlPath | null;
}

interface OwnValue extends Given {
  path: YamlPath;
}

/** Parameters that advance together. */
export interface Zip {
  path: YamlPath;
  rows: Assignment[];
}

/** What a pilot asks the cluster for. */
export interface ResourceRequest {
  walltime: string;
  gpus: number;
  slots: number;
}

/** An arm with every parameter settled, its own or the sweep's or the fallback. */
export interface Arm {
  name: string;
  method: ArmFile["method"];
  model: string;
  init: ArmFile["init"];
  /** By path, in the order of PARAMETERS; those of `zips` are not among them. */
  parameters: Record<string, Given>;
  zips: Zip[];
  request: ResourceRequest;
}

/** Settles the arms in the order of the file. */
export function armsOf(sweep: SweepFile): { arms: Arm[]; problems: Problem[] } {
  const problems: Problem[] = [];
  const arms = Object.entries(sweep.arms).map(([name, arm]) => {
    const { zips, zipped } = zipsOf(name, arm, problems);
    const parameters: Record<string, Given> = {};
    for (const path of parametersOf(arm.method)) {
      const own = ownValues(sweep, name, path);
      const [first, second] = [...own.map((given) => given.path), ...(zipped.get(path) ?? [])];
      if (first && second) problems.push(givenTwice(path, first, second));
      if (!zipped.has(path)) parameters[path] = own[0] ?? sweepValue(sweep, path);
    }
    const { method, model, init } = arm;
    return { name, method, model, init, parameters, zips, request: requestOf(sweep, arm) };
  });
  return { arms, problems };
}

function requestOf({ resources: all }: SweepFile, { resources: own }: ArmFile): ResourceRequest {
  return {
    walltime: own?.walltime ?? all?.walltime ?? "12:00:00",
    gpus: own?.gpus ?? all?.gpus ?? 1,
    slots: own?.slots ?? all?.slots ?? 4,
  };
}

/** What an arm that says nothing about a parameter gets. */
export function sweepValue(sweep: SweepFile, parameter: string): Given {
  const path = ["train", ...parameter.split(".")];
  const value = valueAt(sweep, path);
  if (value !== undefined) return { value, path };
  const fallback = PARAMETERS[parameter]?.fallback;
  if (fallback === undefined) throw new Error(`not a parameter: ${parameter}`);
  return { value: fallback, path: null };
}

/**
 * The parameter as written in an arm, directly and under `train`: one of them, if the file is
 * right.
 */
function ownValues(sweep: SweepFile, arm: string, parameter: string): OwnValue[] {
  const steps = parameter.split(".");
  const places: YamlPath[] = [
    ["arms", arm, ...steps],
    ["arms", arm, "train", ...steps],
  ];
  return places.flatMap((path) => {
    const value = valueAt(sweep, path);
    return value === undefined ? [] : [{ value, path }];
  });
}

function valueAt(sweep: SweepFile, path: YamlPath): SweptValue | undefined {
  let value: unknown = sweep;
  for (const step of path) value = isJsonMap(value) ? value[step] : undefined;
  return isGiven(value) ? value : undefined;
}

/** What a parameter's path leads to has passed that parameter's schema. */
function isGiven(value: unknown): value is SweptValue {
  return value !== undefined;
}

function zipsOf(name: string, arm: ArmFile, problems: Problem[]) {
  const groups = Array.isArray(arm.zip) ? arm.zip : [arm.zip ?? {}];
  const zipped = new Map<string, YamlPath[]>();
  const zips = groups.flatMap((group, index): Zip[] => {
    const path = ["arms", name, "zip", ...(Array.isArray(arm.zip) ? [index] : [])];
    const lists = zipLists(group);
    const [first] = lists;
    if (!first) return [];
    for (const [key, list] of lists) {
      const parameter = key.replace(/^train\./, "");
      zipped.set(parameter, [...(zipped.get(parameter) ?? []), [...path, key]]);
      if (list.length !== first[1].length) problems.push(unequal(path, [key, list], first));
    }
    const rows = first[1].map((_, row) => zipRow(lists, row));
    return [{ path: [...path, first[0]], rows }];
  });
  return { zips, zipped };
}

type ZipList = [key: string, list: ParameterValue[]];

function zipLists(group: ZipGroup): ZipList[] {
  return Object.entries(group).flatMap(([key, list]) => (list ? [[key, list]] : []));
}

function zipRow(lists: ZipList[], row: number): Assignment {
  const assignment: Assignment = {};
  for (const [key, list] of lists) {
    const value = list[row];
    if (value !== undefined) assignment[key.replace(/^train\./, "")] = value;
  }
  return assignment;
}

function unequal(path: YamlPath, [key, list]: ZipList, [firstKey, firstList]: ZipList): Problem {
  return {
    path: [...path, key],
    part: "key",
    message: `"${key}" has ${list.length} values but "${firstKey}" has ${firstList.length}`,
    related: { path: [...path, firstKey], part: "key", message: "zipped with this" },
  };
}

function givenTwice(parameter: string, first: YamlPath, second: YamlPath): Problem {
  return {
    path: second,
    part: "key",
    message: `"${parameter}" is given twice in this arm`,
    related: { path: first, part: "key", message: "first given here" },
  };
}
