import path from "node:path";
import type { Files } from "./repository.ts";

/** One import of a module. */
export interface Import {
  /** As written: `../sweep/draw.ts`, `node:fs`, `zod`. */
  specifier: string;
  /** Path in the repository of a module of ours; null for packages and Node's own modules. */
  module: string | null;
  /** Erased by the compiler: nothing is loaded. */
  typeOnly: boolean;
  /** The imported names as written; empty for `import "x"` and `import("x")`. */
  names: string[];
  line: number;
}

// The formatter lays imports out: each begins a line, and its specifier is in double quotes.
const STATIC = /^(?:import|export)\s+(type\s+)?(?:([^;"']*?)\s+from\s+)?"([^"]+)"/gm;
const DYNAMIC = /\bimport\(\s*"([^"]+)"\s*\)/g;
const REQUIRE = /\brequire\(\s*"([^"]+)"\s*\)/g;

/** Every module that a module's text names in an import. */
export function importsOf(name: string, text: string): Import[] {
  const found = [...text.matchAll(STATIC)].map((match): Import => {
    const [, type, clause = "", specifier = ""] = match;
    const names = [...clause.matchAll(/(?:type\s+)?[\w$*]+(?=\s*(?:,|\}|\bas\b|$))/g)].map(
      ([one]) => one,
    );
    const typeOnly =
      type !== undefined || (names.length > 0 && names.every((one) => one.startsWith("type ")));
    return { ...resolved(name, specifier), typeOnly, names, line: lineAt(text, match.index) };
  });
  const later = [...text.matchAll(DYNAMIC), ...text.matchAll(REQUIRE)].map((match): Import => {
    const place = { typeOnly: false, names: [], line: lineAt(text, match.index) };
    return { ...resolved(name, match[1] ?? ""), ...place };
  });
  return [...found, ...later];
}

function resolved(importer: string, specifier: string): Pick<Import, "specifier" | "module"> {
  const isOurs = specifier.startsWith(".");
  const module = isOurs ? path.posix.join(path.posix.dirname(importer), specifier) : null;
  return { specifier, module };
}

function lineAt(text: string, offset: number): number {
  return text.slice(0, offset).split("\n").length;
}

/** A package's name without the path inside it: `yaml/dist/x` → `yaml`. */
export function packageOf(specifier: string): string {
  const [scope, name] = specifier.split("/");
  return specifier.startsWith("@") ? `${scope}/${name}` : (scope ?? specifier);
}

/** A module that is loaded, and how it was reached: `main.ts → commands/plan.ts → zod`. */
export type Trail = string[];

/**
 * What loading a module loads, each with the shortest trail to it: our modules by path, the rest by
 * specifier. Imports of types load nothing.
 */
export function loadedFrom(entry: string, files: Files): Map<string, Trail> {
  const trails = new Map<string, Trail>([[entry, [entry]]]);
  for (const [name, trail] of trails) {
    const text = files.get(name);
    if (text === undefined) continue;
    for (const { specifier, module, typeOnly } of importsOf(name, text)) {
      const target = module ?? specifier;
      if (!typeOnly && !trails.has(target)) trails.set(target, [...trail, target]);
    }
  }
  return trails;
}
