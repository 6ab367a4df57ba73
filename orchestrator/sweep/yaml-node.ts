import type { Span } from "./source-text.ts";

/** Keys and list indices from the top of a file down to a value. */
export type YamlPath = readonly (string | number)[];

/** A value of a YAML text and where it stands. Nodes are never changed once made. */
export type YamlNode =
  | { kind: "scalar"; value: string | number | boolean | null; at: Span }
  | { kind: "list"; items: readonly YamlNode[]; at: Span }
  | { kind: "map"; entries: ReadonlyMap<string, YamlEntry>; at: Span };

export interface YamlEntry {
  key: Span;
  value: YamlNode;
}

/** The value without its places. Maps have no prototype: a key named `__proto__` is just a key. */
export function plainValue(node: YamlNode): unknown {
  if (node.kind === "scalar") return node.value;
  if (node.kind === "list") return node.items.map(plainValue);
  const value: Record<string, unknown> = Object.create(null);
  for (const [key, entry] of node.entries) value[key] = plainValue(entry.value);
  return value;
}

/** The node at a path, or undefined where the file does not reach. */
export function nodeAt(root: YamlNode, path: YamlPath): YamlNode | undefined {
  let node: YamlNode | undefined = root;
  for (const step of path) node = node && childOf(node, step);
  return node;
}

/**
 * Where the value of a path stands, or its key. Falls back to the key of the innermost part that
 * exists, so that something missing is shown at what lacks it.
 */
export function locate(root: YamlNode, path: YamlPath, part: "key" | "value"): Span {
  let node = root;
  let key: Span | undefined;
  for (const step of path) {
    const child = childOf(node, step);
    if (!child) return key ?? firstSpan(root);
    key = node.kind === "map" ? node.entries.get(String(step))?.key : child.at;
    node = child;
  }
  return part === "key" ? (key ?? firstSpan(root)) : node.at;
}

function childOf(node: YamlNode, step: string | number): YamlNode | undefined {
  if (node.kind === "map") return node.entries.get(String(step))?.value;
  if (node.kind === "list") return typeof step === "number" ? node.items[step] : undefined;
  return undefined;
}

function firstSpan({ at }: YamlNode): Span {
  return { source: at.source, start: at.start, end: at.start };
}
