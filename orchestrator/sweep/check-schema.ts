import { z } from "zod";
import { nearestName } from "./nearest-name.ts";
import { PARAMETERS } from "./parameters.ts";
import type { Problem } from "./problem.ts";
import { SEVERAL_VALUES } from "./swept-value.ts";
import { nodeAt, plainValue, type YamlNode, type YamlPath } from "./yaml-node.ts";

type Issue = z.core.$ZodIssue;
type Checked<T> = { value: T; problems: [] } | { value: null; problems: Problem[] };

/** Checks a file against its schema: the value with its defaults, or every problem found. */
export function checkSchema<T>(schema: z.ZodType<T>, root: YamlNode): Checked<T> {
  const result = schema.safeParse(plainValue(root), { error: messageOf });
  if (result.success) return { value: result.data, problems: [] };
  return {
    value: null,
    problems: result.error.issues.flatMap((issue) => explain(root, issue, [])),
  };
}

/**
 * zod drops the schema from its issues, so what we need of it travels as the message: the known
 * keys, and that a number is to be whole.
 */
function messageOf({ code, inst }: z.core.$ZodRawIssue): string | undefined {
  if (code === "unrecognized_keys" && inst instanceof z.ZodObject) {
    return Object.keys(inst.shape).join(" ");
  }
  const isWhole = code === "invalid_type" && inst instanceof z.ZodNumber && inst.isInt;
  return isWhole ? WHOLE_NUMBER : undefined;
}

const WHOLE_NUMBER = "a whole number";

function explain(root: YamlNode, issue: Issue, base: YamlPath): Problem[] {
  const path = [...base, ...issue.path.map(yamlStep)];
  const node = nodeAt(root, path);
  const at = (message: string): Problem[] => [{ path, part: "value", message }];
  switch (issue.code) {
    case "unrecognized_keys":
      return issue.keys.map((key) => unknownKey([...path, key], key, knownKeys(issue)));
    case "invalid_union":
      return explainUnion(root, issue, path);
    case "invalid_key":
      return [{ path, part: "key", message: issue.issues[0]?.message ?? issue.message }];
    case "invalid_type":
    case "invalid_value":
      if (!node) return [{ path, part: "value", message: missingKey(path) }];
      return at(wrongValue([issue], node));
    case "too_small":
    case "too_big":
      return at(node ? outOfRange(issue, node) : issue.message);
    case "custom":
      return [
        { path, part: issue.params?.["part"] === "key" ? "key" : "value", message: issue.message },
      ];
    default:
      return at(issue.message);
  }
}

function yamlStep(step: PropertyKey): string | number {
  return typeof step === "number" ? step : String(step);
}

function missingKey(path: YamlPath): string {
  return `missing key "${path.at(-1)}"`;
}

function unknownKey(path: YamlPath, key: string, known: string[]): Problem {
  const nested = nestedForm(key, known);
  const near = nearestName(key, known);
  const better = nested ?? (near === undefined ? undefined : `"${near}"`);
  const hint = better === undefined ? "" : `; did you mean ${better}?`;
  return {
    path,
    part: "key",
    message: `unknown key "${key}"${hint} (known here: ${shortened(known)})`,
  };
}

/** A parameter given too high up, such as `lr` at the top or `r` in an arm, or by a dotted path. */
function nestedForm(key: string, known: string[]): string | undefined {
  const path = key.replace(/^train\./, "");
  const full = Object.keys(PARAMETERS).find((name) => name === path || name.endsWith(`.${path}`));
  const fromTop = [full, `train.${full}`].find((name) => known.includes(name?.split(".")[0] ?? ""));
  if (full === undefined || fromTop === undefined || known.includes(full)) return undefined;
  const steps = fromTop.split(".");
  return `${steps.join(": {")}: …${"}".repeat(steps.length - 1)}`;
}

const MAX_LISTED = 30;

/** `zip` and `exclude` know each parameter also with `train.`: enough to name one of the two. */
function shortened(known: string[]): string {
  const names = known.filter((name) => !name.startsWith("train."));
  const listed = names.slice(0, MAX_LISTED).join(", ");
  return names.length > MAX_LISTED ? `${listed}, …` : listed;
}

/**
 * Explains the alternative the user meant: maps by their keys, other values by those alternatives
 * that take such a value at all.
 */
function explainUnion(
  root: YamlNode,
  issue: z.core.$ZodIssueInvalidUnion,
  path: YamlPath,
): Problem[] {
  const node = nodeAt(root, path);
  if (!node) return [{ path, part: "value", message: missingKey(path) }];
  const fitting = issue.errors.filter((issues) => !issues.some(isMismatch));
  const [only] = fitting;
  if (only && (fitting.length === 1 || node.kind !== "map")) {
    return only.flatMap((inner) => explain(root, inner, path));
  }
  if (node.kind === "map" && only) return explainMap(root, fitting, path);
  const mismatches = issue.errors.flatMap((issues) => issues.filter(isMismatch));
  const expected = mismatches.filter((one) => !("expected" in one && one.expected === "object"));
  const hint = node.kind === "list" && issue.message === SEVERAL_VALUES ? `; ${issue.message}` : "";
  return [{ path, part: "value", message: wrongValue(expected, node) + hint }];
}

/**
 * Among alternatives that are maps: the one with the fewest keys missing or unknown. If it has
 * both, no alternative was met, and keys are wrong that none of them knows.
 */
function explainMap(root: YamlNode, branches: Issue[][], path: YamlPath): Problem[] {
  const missing = (issues: Issue[]) =>
    issues.filter((issue) => !nodeAt(root, [...path, ...issue.path.map(yamlStep)]));
  const keyErrors = (issues: Issue[]) => missing(issues).length + unknownKeys(issues).length;
  const [best = []] = branches.toSorted((a, b) => keyErrors(a) - keyErrors(b));
  const known = new Set(branches.flat().flatMap(knownKeys));
  const foreign = unknownKeys(best).filter((key) => !known.has(key));
  if (missing(best).length === 0 || foreign.length === 0) {
    return best.flatMap((issue) => explain(root, issue, path));
  }
  return foreign.map((key) => unknownKey([...path, key], key, [...known]));
}

function knownKeys({ code, message }: Issue): string[] {
  return code === "unrecognized_keys" ? message.split(" ") : [];
}

function unknownKeys(issues: Issue[]): string[] {
  return issues.flatMap((issue) => (issue.code === "unrecognized_keys" ? issue.keys : []));
}

function isMismatch({ code, path }: Issue): boolean {
  return path.length === 0 && (code === "invalid_type" || code === "invalid_value");
}

/** What was expected (by one or several alternatives) and what is there. */
function wrongValue(issues: Issue[], node: YamlNode): string {
  const values = issues.flatMap((issue) => (issue.code === "invalid_value" ? issue.values : []));
  const types = issues.flatMap((issue) => (issue.code === "invalid_type" ? [typeName(issue)] : []));
  const isText = node.kind === "scalar" && typeof node.value === "string";
  if (types.length > 0 || !isText) {
    const expected = [...values.map((value) => `"${String(value)}"`), ...types];
    return `expected ${[...new Set(expected)].join(" or ")}, got ${described(node)}`;
  }
  const supported = values.map(String);
  const near = nearestName(String(node.value), supported);
  const hint = near === undefined ? "" : `; did you mean "${near}"?`;
  return `${described(node)} is not supported${hint} (supported: ${supported.join(", ")})`;
}

const TYPE_NAMES: Record<string, string> = {
  int: WHOLE_NUMBER,
  number: "a number",
  string: "text",
  boolean: "true or false",
  object: "a map",
  record: "a map",
  array: "a list",
  tuple: "a list",
};

function typeName({ expected, message }: z.core.$ZodIssueInvalidType): string {
  return message === WHOLE_NUMBER ? message : (TYPE_NAMES[expected] ?? expected);
}

function described(node: YamlNode): string {
  if (node.kind === "map") return "a map";
  if (node.kind === "list") return node.items.length === 0 ? "an empty list" : "a list";
  if (node.value === null) return "nothing";
  if (typeof node.value !== "string") return String(node.value);
  return JSON.stringify(node.value.length > 40 ? `${node.value.slice(0, 40)}…` : node.value);
}

type RangeIssue = z.core.$ZodIssueTooSmall | z.core.$ZodIssueTooBig;

function outOfRange(issue: RangeIssue, node: YamlNode): string {
  const isSmall = issue.code === "too_small";
  const bound = Number(isSmall ? issue.minimum : issue.maximum);
  if (issue.origin === "string") return isSmall ? "expected some text, got none" : issue.message;
  if (issue.origin === "array") {
    const length = node.kind === "list" ? node.items.length : 0;
    if (length === 0) return "the list is empty; give at least one value";
    return `expected ${isSmall ? "at least" : "at most"} ${bound} values, got ${length}`;
  }
  const beyond = isSmall ? "greater than" : "less than";
  const relation = issue.inclusive ? `at ${isSmall ? "least" : "most"}` : beyond;
  return `must be ${relation} ${bound}, got ${described(node)}`;
}
