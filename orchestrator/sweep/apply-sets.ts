import { Failure } from "../../worker/contract/failure.ts";
import { diagnostic, type Diagnostic } from "./diagnostic.ts";
import { readYamlValue } from "./read-yaml.ts";
import { sourceText, type Span } from "./source-text.ts";
import type { YamlNode } from "./yaml-node.ts";

/**
 * The file's tree with each `key=value` put in, in order, as if the file said so. The key is a
 * dotted path; maps on the way are made where missing; the value is YAML and replaces what stood
 * there. Problems point into the option. Throws Failure `usage` for an option that is not
 * `key=value`.
 */
export function applySets(
  root: YamlNode,
  sets: readonly string[],
): { root: YamlNode; diagnostics: Diagnostic[] } {
  const diagnostics: Diagnostic[] = [];
  let tree = root;
  for (const set of sets) {
    const equals = set.indexOf("=");
    const steps = set.slice(0, equals).split(".");
    if (equals < 1 || steps.includes("")) {
      throw new Failure({
        reason: "usage",
        message: `--set ${set}: expected key=value`,
        remedy: "Give a dotted path and a YAML value, for example --set train.epochs=2.",
      });
    }
    const source = sourceText({ name: `--set ${set}`, kind: "option", text: set });
    const reading = readYamlValue(source, equals + 1);
    diagnostics.push(...reading.diagnostics);
    if (!reading.root) continue;
    const key: Span = { source, start: 0, end: equals };
    const result = withValue(tree, steps, { key, value: reading.root });
    if (result) tree = result;
    else diagnostics.push(diagnostic("this path leads into something that is not a map", key));
  }
  return { root: tree, diagnostics };
}

/** A copy of the tree with one entry replaced, or null where the path meets a scalar or a list. */
function withValue(
  node: YamlNode | undefined,
  steps: readonly string[],
  entry: { key: Span; value: YamlNode },
): YamlNode | null {
  const [step, ...rest] = steps;
  if (step === undefined) return entry.value;
  const map = node?.kind === "scalar" && node.value === null ? undefined : node;
  if (map && map.kind !== "map") return null;
  const old = map?.entries.get(step);
  const value = withValue(old?.value, rest, entry);
  if (!value) return null;
  // The key stays at its place in the file unless the option is what gives it a value.
  const key = old && rest.length > 0 ? old.key : entry.key;
  const entries = new Map(map?.entries).set(step, { key, value });
  return { kind: "map", entries, at: map?.at ?? entry.value.at };
}
