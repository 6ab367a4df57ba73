import path from "node:path";
import { type Files, type Finding, linesMatching, showsViolations } from "./repository.ts";

const ARCHITECTURE = "ARCHITECTURE.md";
const ARCHITECTURE_LINES = 150;

/** The map stays short enough to be read, and names every folder of the code. */
export function architecture(files: Files): Finding[] {
  const text = files.get(ARCHITECTURE);
  if (text === undefined) return [{ path: ARCHITECTURE, line: null, message: "is missing" }];
  const found: Finding[] = [];
  const lines = text.trimEnd().split("\n").length;
  if (lines > ARCHITECTURE_LINES) {
    const message = `has ${lines} lines, of ${ARCHITECTURE_LINES} allowed`;
    found.push({ path: ARCHITECTURE, line: null, message });
  }
  const folders = [...files.keys()].flatMap(
    (name) => /^(?:orchestrator|worker)\/([\w-]+)\//.exec(name)?.[1] ?? [],
  );
  for (const folder of new Set(folders)) {
    if (text.includes(`${folder}/`)) continue;
    found.push({ path: ARCHITECTURE, line: null, message: `does not name the folder ${folder}/` });
  }
  return found;
}

/** Links to files and headings of the repository lead somewhere. */
export function links(files: Files): Finding[] {
  return documents(files).flatMap(([name, text]) =>
    [...text.matchAll(/\]\(([^)\s]+)\)/g)].flatMap(({ 1: link = "", index }): Finding[] => {
      if (/^[a-z]+:/.test(link)) return [];
      const [file = "", heading] = link.split("#");
      const target = file === "" ? name : path.posix.join(path.posix.dirname(name), file);
      const place = { path: name, line: text.slice(0, index).split("\n").length };
      const isFolder = [...files.keys()].some((one) => one.startsWith(`${target}/`));
      if (!files.has(target) && !isFolder && target !== "LICENSE.md") {
        return [{ ...place, message: `links to ${target}, which is not there` }];
      }
      if (heading === undefined || headings(files.get(target) ?? "").has(heading)) return [];
      return [{ ...place, message: `links to #${heading}, a heading ${target} does not have` }];
    }),
  );
}

/** Names of a document's headings as links spell them: `## Own sweep` → `own-sweep`. */
function headings(text: string): Set<string> {
  const titles = [...text.matchAll(/^#{1,6} (.+)$/gm)].map(([, title = ""]) => title);
  return new Set(
    titles.map((title) =>
      title
        .toLowerCase()
        .replaceAll(/[^\p{L}\p{N} _-]/gu, "")
        .replaceAll(" ", "-"),
    ),
  );
}

/** Commands and files that the documents tell a reader to use exist. */
export function instructions(files: Files): Finding[] {
  const commands = qsweepCommands(files);
  const scripts = npmScripts(files);
  return documents(files).flatMap(([name, text]) => {
    const qsweep = mentions(text, /\bqsweep ([a-z][a-z-]*)(?: ([a-z][a-z-]*)\b(?![./=]))?/g);
    const npm = mentions(text, /\bnpm (?:run )?([a-z][a-z-]*)/g);
    const configs = mentions(text, /\b((?:configs|jobs|docs|test)\/[\w./-]*\.\w+)/g);
    return [
      ...qsweep.flatMap(({ line, words: [command = "", sub] }): Finding[] => {
        const subcommands = commands.get(command);
        const isKnown = subcommands && (subcommands.size === 0 || !sub || subcommands.has(sub));
        if (isKnown) return [];
        const shown = subcommands ? `${command} ${sub}` : command;
        return [{ path: name, line, message: `\`qsweep ${shown}\` is no command` }];
      }),
      ...npm.flatMap(({ line, words: [script = ""] }): Finding[] => {
        if (scripts.has(script) || script === "ci") return [];
        return [{ path: name, line, message: `\`npm run ${script}\` is no script` }];
      }),
      ...configs.flatMap(({ line, words: [file = ""] }): Finding[] => {
        if (files.has(file)) return [];
        return [{ path: name, line, message: `names ${file}, which is not there` }];
      }),
    ];
  });
}

/** What a document shows as code, in blocks and in lines, with the words of each match. */
function mentions(text: string, pattern: RegExp): { line: number; words: string[] }[] {
  let isBlock = false;
  return text.split("\n").flatMap((content, index) => {
    if (content.startsWith("```")) isBlock = !isBlock;
    const spans = isBlock ? [content] : [...content.matchAll(/`([^`]+)`/g)].map(([, s = ""]) => s);
    return spans.flatMap((span) =>
      [...span.matchAll(pattern)].map(([, ...words]) => ({
        line: index + 1,
        words: words.filter((word) => word !== undefined),
      })),
    );
  });
}

/** The commands that the sources register, each with its subcommands. */
function qsweepCommands(files: Files): Map<string, Set<string>> {
  const sources = [...files].filter(([name]) => /^(?:orchestrator|worker)\/commands\//.test(name));
  const named = (parent: string) => sources.flatMap(([, text]) => commandNames(text, parent));
  return new Map(named("program").map((name) => [name, new Set(named(name))]));
}

/** Names given to `parent.command("…")`. */
function commandNames(text: string, parent: string): string[] {
  const pattern = new RegExp(String.raw`\b${parent}\s*\.command\(\s*"([a-z][a-z-]*)`, "g");
  return [...text.matchAll(pattern)].map(([, name = ""]) => name);
}

function npmScripts(files: Files): Set<string> {
  const { scripts = {} }: { scripts?: object } = JSON.parse(files.get("package.json") ?? "{}");
  return new Set(Object.keys(scripts));
}

/** Every environment variable of ours is described, and every one described is read. */
export function variables(files: Files): Finding[] {
  const described = new Map<string, Finding>();
  const used = new Map<string, Finding>();
  for (const [file, text] of files) {
    if (showsViolations(file)) continue;
    const seen = file.endsWith(".md") ? described : used;
    for (const [index, content] of text.split("\n").entries()) {
      for (const [name] of content.matchAll(/\bQSWEEP_[A-Z_]+\b/g)) {
        if (!seen.has(name)) seen.set(name, { path: file, line: index + 1, message: name });
      }
    }
  }
  const missing = (from: typeof used, to: typeof used, message: string): Finding[] =>
    [...from].flatMap(([name, place]) => {
      return to.has(name) ? [] : [{ ...place, message: `${name} ${message}` }];
    });
  return [
    ...missing(used, described, "is described in no document"),
    ...missing(described, used, "is read by nothing"),
  ];
}

/** A document that looks finished has no notes of its making left in it. */
export function leftNotes(files: Files): Finding[] {
  const note = /\b(?:TODO|FIXME|XXX|TBD)\b/;
  return [...files]
    .filter(([name]) => !showsViolations(name))
    .flatMap(([name, text]) => linesMatching(name, text, note, "is a note to oneself: do it"));
}

function documents(files: Files): [string, string][] {
  return [...files].filter(([name]) => name.endsWith(".md"));
}
