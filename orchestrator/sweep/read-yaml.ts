import * as yaml from "yaml";
import { diagnostic, type Diagnostic } from "./diagnostic.ts";
import type { SourceText, Span } from "./source-text.ts";
import type { YamlEntry, YamlNode } from "./yaml-node.ts";

/** A sweep of a thousand arms fits; anything larger is not a file that a person wrote. */
export const MAX_YAML_BYTES = 1_000_000;

/** Values that may appear by way of aliases: an alias bomb doubles them line by line. */
const MAX_ALIASED_NODES = 10_000;
const MAX_DEPTH = 32;
const TOO_DEEP = `values are nested more than ${MAX_DEPTH} deep`;

/** The parser keeps up to three entries a level, and some of its own. */
const MAX_PARSER_STACK = 4 * MAX_DEPTH;

export interface YamlReading {
  /** Null if the text's structure cannot be trusted. */
  root: YamlNode | null;
  diagnostics: Diagnostic[];
}

/**
 * Reads one YAML 1.2 document (core schema, no tags, no merge keys) whose top is a map. A key given
 * twice is reported at both places and counts with its first value, so that the rest can be
 * checked.
 */
export function readYaml(source: SourceText): YamlReading {
  const whole: Span = { source, start: 0, end: 0 };
  if (source.text.length > MAX_YAML_BYTES) {
    return refused(`the file is larger than ${MAX_YAML_BYTES / 1e6} MB`, whole);
  }
  const reading = readYamlValue(source, 0);
  if (!reading.root || reading.root.kind === "map") return reading;
  const isEmpty = reading.root.kind === "scalar" && reading.root.value === null;
  return isEmpty
    ? refused("the file is empty; expected a map of keys and values", whole)
    : refused("expected a map of keys and values at the top", reading.root.at);
}

/** Reads the YAML value that begins at `offset` of a source, of any kind; nothing is null. */
export function readYamlValue(source: SourceText, offset: number): YamlReading {
  const { tokens, deepAt } = tokensOf(source.text.slice(offset));
  if (deepAt !== null) {
    const start = offset + deepAt;
    return refused(TOO_DEEP, { source, start, end: start + 1 });
  }
  const composer = new yaml.Composer({
    stringKeys: true,
    resolveKnownTags: false,
    // The library compares every pair of keys (minutes for a large map); we use a table instead.
    uniqueKeys: false,
  });
  const length = source.text.length - offset;
  const [document, second] = composer.compose(tokens, true, length);
  const problems = [...(document?.errors ?? []), ...(document?.warnings ?? [])];
  const diagnostics = problems.map((error) => syntaxProblem(source, offset, error));
  if (second) {
    const [start] = second.range;
    const end = source.text.length;
    const span = { source, start: offset + start, end };
    diagnostics.push(diagnostic("a second document begins here; a file holds one", span));
  }
  if (diagnostics.length > 0) return { root: null, diagnostics };
  return new NodeReader(source, offset).read(document?.contents);
}

/**
 * The text's tokens, or where nesting grows beyond what a file may have. The library's composer
 * calls itself for each level, and running out of stack inside it can end the process.
 */
function tokensOf(text: string): { tokens: yaml.CST.Token[]; deepAt: number | null } {
  const parser = new yaml.Parser();
  const tokens: yaml.CST.Token[] = [];
  for (const lexeme of new yaml.Lexer().lex(text)) {
    tokens.push(...parser.next(lexeme));
    if (parser.stack.length > MAX_PARSER_STACK) return { tokens, deepAt: parser.offset };
  }
  tokens.push(...parser.end());
  return { tokens, deepAt: null };
}

function refused(message: string, span: Span): YamlReading {
  return { root: null, diagnostics: [diagnostic(message, span)] };
}

function syntaxProblem(source: SourceText, offset: number, error: yaml.YAMLError): Diagnostic {
  const [start, end] = error.pos;
  const span = { source, start: offset + start, end: offset + end };
  return diagnostic(SYNTAX_MESSAGES[error.code] ?? lowerFirst(error.message), span);
}

const SYNTAX_MESSAGES: Partial<Record<yaml.ErrorCode, string>> = {
  TAB_AS_INDENT: "a tab indents this line; YAML is indented with spaces",
  BLOCK_AS_IMPLICIT_KEY: "a value cannot be followed by more keys here; check the indentation",
  NON_STRING_KEY: "a key must be plain text",
  TAG_RESOLVE_FAILED: "tags such as !!set are not supported",
};

function lowerFirst(text: string): string {
  return text.charAt(0).toLowerCase() + text.slice(1);
}

/** Turns the library's tree into ours, in document order, with limits. */
class NodeReader {
  readonly #source: SourceText;
  readonly #offset: number;
  readonly #diagnostics: Diagnostic[] = [];
  readonly #anchors = new Map<string, { node: YamlNode; size: number }>();
  #nodes = 0;
  #aliased = 0;

  constructor(source: SourceText, offset: number) {
    this.#source = source;
    this.#offset = offset;
  }

  read(contents: unknown): YamlReading {
    return { root: this.#node(contents, 0), diagnostics: this.#diagnostics };
  }

  #node(node: unknown, depth: number): YamlNode {
    const at = this.#span(node);
    if (depth > MAX_DEPTH) return this.#problem(TOO_DEEP, at);
    if (yaml.isAlias(node)) return this.#alias(node.source, at);
    const before = this.#nodes;
    this.#nodes += 1;
    const read = this.#contents(node, at, depth);
    if (yaml.isNode(node) && !yaml.isAlias(node) && node.anchor) {
      // Known only once complete: an alias inside its own anchor would have no end.
      this.#anchors.set(node.anchor, { node: read, size: this.#nodes - before });
    }
    return read;
  }

  #contents(node: unknown, at: Span, depth: number): YamlNode {
    if (yaml.isMap(node)) return this.#map(node, at, depth);
    if (yaml.isSeq(node)) {
      return { kind: "list", items: node.items.map((item) => this.#node(item, depth + 1)), at };
    }
    const value: unknown = yaml.isScalar(node) ? node.value : null;
    const isPlain =
      typeof value === "string" || typeof value === "number" || typeof value === "boolean";
    return { kind: "scalar", value: isPlain ? value : null, at };
  }

  #map(map: yaml.YAMLMap, at: Span, depth: number): YamlNode {
    const entries = new Map<string, YamlEntry>();
    for (const pair of map.items) {
      const key = this.#span(pair.key);
      const name = yaml.isScalar(pair.key) ? String(pair.key.value) : "";
      const value = this.#node(pair.value, depth + 1);
      const first = entries.get(name);
      if (!first) {
        entries.set(name, { key, value });
        continue;
      }
      const related = { message: "first given here", span: first.key };
      this.#diagnostics.push(diagnostic(`the key "${name}" is given twice`, key, related));
    }
    return { kind: "map", entries, at };
  }

  #alias(name: string, at: Span): YamlNode {
    const anchor = this.#anchors.get(name);
    if (!anchor) return this.#problem(`no value is marked &${name} before this`, at);
    const wasWithin = this.#aliased <= MAX_ALIASED_NODES;
    this.#nodes += anchor.size;
    this.#aliased += anchor.size;
    if (this.#aliased <= MAX_ALIASED_NODES) return anchor.node;
    const nothing: YamlNode = { kind: "scalar", value: null, at };
    return wasWithin
      ? this.#problem(`aliases repeat more than ${MAX_ALIASED_NODES} values`, at)
      : nothing;
  }

  #problem(message: string, at: Span): YamlNode {
    this.#diagnostics.push(diagnostic(message, at));
    return { kind: "scalar", value: null, at };
  }

  #span(node: unknown): Span {
    const range = yaml.isNode(node) ? node.range : null;
    const [start, end] = range ?? [0, 0];
    return { source: this.#source, start: this.#offset + start, end: this.#offset + end };
  }
}
