import { execFileSync } from "node:child_process";
import { existsSync, readFileSync } from "node:fs";
import path from "node:path";

/** Text of the repository's files by path (`/` between names), as the rules see them. */
export type Files = ReadonlyMap<string, string>;

/** Where a rule is broken, and what to do about it. */
export interface Violation {
  rule: string;
  path: string;
  /** From 1; null where the whole file is meant. */
  line: number | null;
  message: string;
}

/** A rule's findings; `rule` is filled in by whoever runs the rules. */
export type Finding = Omit<Violation, "rule">;

const TEXT = /\.(?:ts|mjs|json|ya?ml|md|sh|py)$|^\.ci\/run$|^\.npmrc$|^\.gitignore$/;
const SKIPPED = /^(?:test\/fixtures\/|package-lock\.json$)/;

/** The files under version control, and new ones that git does not ignore. */
export function readRepository(): Files {
  const root = path.join(import.meta.dirname, "..", "..");
  const options = ["--cached", "--others", "--exclude-standard", "-z"];
  const listed = execFileSync("git", ["ls-files", ...options], { cwd: root, encoding: "utf8" });
  const files = listed
    .split("\0")
    .filter((name) => TEXT.test(name) && !SKIPPED.test(name))
    .filter((name) => existsSync(path.join(root, name)));
  return new Map(files.map((name) => [name, readFileSync(path.join(root, name), "utf8")]));
}

/** Whether this is code of the product: what `orchestrator/` and `worker/` hold. */
export function isSource(name: string): boolean {
  return /^(?:orchestrator|worker)\/.*\.(?:ts|mjs)$/.test(name);
}

/** Whether this is code at all: product, tests, configuration. */
export function isCode(name: string): boolean {
  return /\.(?:ts|mjs|sh)$|^\.ci\/run$/.test(name);
}

/** Whether this is about the rules themselves, and so shows what breaks them. */
export function showsViolations(name: string): boolean {
  return name.startsWith("test/tidy");
}

/** Every line that matches, as a finding. */
export function linesMatching(name: string, text: string, pattern: RegExp, message: string) {
  return text.split("\n").flatMap((content, index): Finding[] => {
    return pattern.test(content) ? [{ path: name, line: index + 1, message }] : [];
  });
}
