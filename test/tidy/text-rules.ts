import { importsOf } from "./imports.ts";
import {
  type Files,
  type Finding,
  isCode,
  isSource,
  linesMatching,
  showsViolations,
} from "./repository.ts";

const COLUMNS = 100;
const QUOTED = /"(?:[^"\\\n]|\\.)*"|(?<=[\s(=:,[])'[^'\n]*'|`[^`]*`/g;
const MODULE_LINES = 350;

/** Folder names that collect what has no home, and files that only pass on. */
const DRAWERS = /(?:^|\/)(?:utils?|helpers?|common|shared|lib|misc|types?)(?:\/|\.ts$)/;
const BARREL = /(?:^|\/)index\.ts$/;

/**
 * Lines are short enough for two windows side by side. Text in quotes does not count: what a program
 * says stays in one piece, so that a search for it finds it.
 */
export function columns(files: Files): Finding[] {
  return [...files].flatMap(([path, text]) => {
    if (!isCode(path)) return [];
    return withoutQuoted(text)
      .split("\n")
      .flatMap((line, index): Finding[] => {
        const length = Array.from(line).length;
        if (length <= COLUMNS) return [];
        const message = `has ${length} columns, of ${COLUMNS} allowed`;
        return [{ path, line: index + 1, message }];
      });
  });
}

/** The text with what is in quotes left out, line for line. */
function withoutQuoted(text: string): string {
  return text.replaceAll(QUOTED, (quoted) => quoted.replaceAll(/[^\n]/g, ""));
}

/** A module is read in one sitting. */
export function moduleSizes(files: Files): Finding[] {
  return [...files].flatMap(([path, text]): Finding[] => {
    const lines = text.trimEnd().split("\n").length;
    if (!isSource(path) || lines <= MODULE_LINES) return [];
    return [{ path, line: null, message: `has ${lines} lines, of ${MODULE_LINES} allowed` }];
  });
}

/** A helper lives with its noun, and is imported from where it lives. */
export function names(files: Files): Finding[] {
  return [...files.keys()].flatMap((path): Finding[] => {
    if (BARREL.test(path)) {
      return [{ path, line: null, message: "is a barrel file: import from where things live" }];
    }
    if (!isCode(path) || !DRAWERS.test(path)) return [];
    return [{ path, line: null, message: "is named after no noun: put it with what it is about" }];
  });
}

const ENTRY =
  /^(?:orchestrator\/(?:main|agent|ssh\/terminal-prompter)\.ts|worker\/(?:main|prove|trainer|cli)\.ts|.*\.mjs)$/;

/** Only entry points, `orchestrator/output/` and what asks a person show things. */
export function printing(files: Files): Finding[] {
  return [...files].flatMap(([path, text]) => {
    if (!isSource(path)) return [];
    const console = linesMatching(path, text, /\bconsole\.\w/, "prints by itself: return data");
    if (ENTRY.test(path) || path.startsWith("orchestrator/output/")) return console;
    const stream = /^(?!\s*(?:\*|\/[/*])).*\bprocess\.std(?:out|err)\b/;
    return [...console, ...linesMatching(path, text, stream, "prints by itself: return data")];
  });
}

const WITH_ARGV = /^(?:(?:type )?\w*(?:ChildProcess|Options|Returns)\w*|spawn|spawnSync|fork)$/;
const WITH_FILE = /^execFile(?:Sync)?$/;

/** A program gets its words as a list; nothing a user wrote passes through a shell. */
export function shells(files: Files): Finding[] {
  return [...files].flatMap(([path, text]) => {
    if (!isCode(path) || showsViolations(path)) return [];
    const options = linesMatching(path, text, /\bshell:\s*(?!false)/, "starts a shell: use argv");
    const imported = importsOf(path, text)
      .filter(({ specifier }) => specifier === "node:child_process")
      .flatMap(({ names: imports, line }) =>
        imports
          .filter((name) => !WITH_ARGV.test(name) && !WITH_FILE.test(name))
          .map((name): Finding => ({
            path,
            line,
            message: `${name} may start a shell: use spawn`,
          })),
      );
    return [...options, ...imported];
  });
}

const PLACES = [
  { pattern: /(?:^|[\s"'`(=:])\/work\//, message: "names a path of one machine" },
  {
    pattern: /\b(?:registry\.npmjs|npmjs\.com|pypi\.org|pythonhosted\.org|huggingface\.co)\b/,
    message: "names a registry's host: it is the user's own tools that know it",
  },
];

/** The repository works wherever it is cloned, and with whatever mirror its user has. */
export function foreignPlaces(files: Files): Finding[] {
  return [...files].flatMap(([path, text]) =>
    PLACES.flatMap(({ pattern, message }) => linesMatching(path, text, pattern, message)),
  );
}

const CONDITIONAL = /\b(?:test|it|describe|suite)(?:\.\w+)*\.(?:skip|todo|skipIf|runIf)\b/;
const ONLY = /\b(?:test|it|describe|suite)(?:\.\w+)*\.only\b/;

/** No test is left alone or left out; one that depends on the machine says why, just above. */
export function leftOutTests(files: Files): Finding[] {
  return [...files].flatMap(([path, text]) => {
    if (!path.endsWith(".test.ts") || showsViolations(path)) return [];
    const lines = text.split("\n");
    return lines.flatMap((line, index): Finding[] => {
      const place = { path, line: index + 1 };
      if (ONLY.test(line)) return [{ ...place, message: "leaves out all other tests" }];
      if (!CONDITIONAL.test(line) || /^\s*\/\/ \S/.test(lines[index - 1] ?? "")) return [];
      return [{ ...place, message: "may be left out: say why in a comment on the line above" }];
    });
  });
}
