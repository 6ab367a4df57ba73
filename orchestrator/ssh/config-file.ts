import { existsSync, readdirSync, readFileSync } from "node:fs";
import { homedir } from "node:os";
import path from "node:path";
import { glob, parse, type SSHConfig } from "ssh-config";
import { Failure } from "../../worker/contract/failure.ts";
import { errorCode } from "../../worker/files/error-code.ts";
import { FOLLOWED, REFUSED } from "./config-options.ts";
import { errorText } from "./ssh-failures.ts";

/** As deep as OpenSSH follows Include. */
const MOST_INCLUDES = 16;

/** Criteria of `Match` that the library understands as OpenSSH does. */
const MATCH_CRITERIA = new Set(["all", "host", "originalhost", "user", "localuser"]);

/** Options that we follow, or refuse by their name: see host-settings.ts. */
const DECIDING: ReadonlySet<string> = new Set([...FOLLOWED, ...REFUSED]);

type Line = SSHConfig[number];
type Section = Extract<Line, { config: SSHConfig }>;

/** What configuration files say of one host: names in lower case, the first value of each. */
export type HostOptions = Record<string, string | string[]>;

/**
 * Reads OpenSSH configuration files, the first one first, with what they include. Throws Failure
 * `ssh-unreachable` for text that cannot be read, and for a `Match` that we cannot decide.
 */
export function readHostOptions(
  files: readonly string[],
  query: { host: string; user: string | undefined },
): HostOptions {
  const lines = files.flatMap((file) => {
    const reader = { host: query.host, directory: path.dirname(file) };
    return readIfThere(file, { ...reader, depth: 0 });
  });
  const config = parse("");
  config.push(...lines);
  const user = query.user === undefined ? {} : { User: query.user };
  return config.compute({ Host: query.host, ...user }, { ignoreCase: true, matchExec: false });
}

interface Reading {
  host: string;
  /** Where names of included files begin. */
  directory: string;
  depth: number;
}

function readIfThere(file: string, reading: Reading): Line[] {
  try {
    return withIncludes(parseConfig(readFileSync(file, "utf8"), file), file, reading);
  } catch (error) {
    if (["ENOENT", "ENOTDIR", "EACCES"].includes(String(errorCode(error)))) return [];
    throw error;
  }
}

function parseConfig(text: string, file: string): SSHConfig {
  try {
    return parse(text);
  } catch (error) {
    throw configFailure(file, `cannot be read: ${errorText(error)}`, "correct the file");
  }
}

/** The lines with those of included files in their place. */
function withIncludes(config: SSHConfig, file: string, reading: Reading): Line[] {
  return config.flatMap((line): Line[] => {
    // The library would ask a name server; who has CanonicalizeHostname is refused instead.
    if ("param" in line && line.param.toLowerCase() === "canonicaldomains") return [];
    if (isSection(line)) return sectionLines(line, file, reading);
    return includedLines(line, reading) ?? [line];
  });
}

function sectionLines(section: Section, file: string, reading: Reading): Line[] {
  const lines = section.config.flatMap((line) => includedLines(line, reading) ?? [line]);
  if (section.param.toLowerCase() === "host") {
    // What a section for our host includes stands for itself; other sections may stay whole.
    return glob(patterns(section.value), reading.host) ? lines : [section];
  }
  if (!lines.some(decides)) return [];
  checkMatch(section, file, reading);
  if (lines.some(isSection)) {
    throw configFailure(file, "includes a Host or Match inside a Match", "move it out");
  }
  section.config.splice(0, section.config.length, ...lines);
  return [section];
}

/** Whether a line can change how we connect. */
function decides(line: Line): boolean {
  return isSection(line) || ("param" in line && DECIDING.has(line.param.toLowerCase()));
}

/** A Match that asks what we do not know may not decide anything for this host. */
function checkMatch(section: Section, file: string, { host }: Reading): void {
  const criteria = "criteria" in section ? Object.entries(section.criteria) : [];
  const foreign = criteria.find(([name]) => !MATCH_CRITERIA.has(name.toLowerCase()));
  const isOther = criteria.some(
    ([name, value]) => name.toLowerCase() === "originalhost" && !glob(patterns(value), host),
  );
  if (foreign === undefined || isOther) return;
  const remedy = `write what ${host} needs into a file of its own and name it in QSWEEP_SSH_CONFIG`;
  throw configFailure(file, `has a \`Match ${foreign[0]}\`, which is not supported`, remedy);
}

/** The lines of the files that an Include names; null for any other line. */
function includedLines(line: Line, reading: Reading): Line[] | null {
  if (!("param" in line) || line.param.toLowerCase() !== "include") return null;
  if (reading.depth >= MOST_INCLUDES) {
    throw configFailure(
      reading.directory,
      "includes too deep",
      "look for files that include themselves",
    );
  }
  const names = typeof line.value === "string" ? [line.value] : line.value.map(({ val }) => val);
  return names
    .flatMap((pattern) => matchingFiles(expandHome(pattern), reading.directory))
    .flatMap((file) => readIfThere(file, { ...reading, depth: reading.depth + 1 }));
}

/** Files by a name whose last parts may hold `*` and `?`, in the order of their names. */
function matchingFiles(pattern: string, directory: string): string[] {
  const absolute = path.resolve(directory, pattern);
  let found = [path.parse(absolute).root];
  for (const part of absolute.split(path.sep).slice(1)) {
    found = /[*?]/.test(part)
      ? found.flatMap((at) => namesIn(at, part).map((name) => path.join(at, name)))
      : found.map((at) => path.join(at, part));
  }
  return found.filter((file) => existsSync(file));
}

function namesIn(directory: string, pattern: string): string[] {
  if (!existsSync(directory)) return [];
  const names = readdirSync(directory).toSorted();
  return names.filter((name) => !name.startsWith(".") && glob([pattern], name));
}

/** `~` and `${NAME}` as the files allow them. */
export function expandHome(text: string): string {
  const expanded = text.replaceAll(
    /\$\{(\w+)\}/g,
    (_whole, name: string) => process.env[name] ?? "",
  );
  return expanded.replace(/^~(?=\/|$)/, homedir());
}

function isSection(line: Line): line is Section {
  return "config" in line;
}

/** What `Host` and the criteria of `Match` hold: patterns with blanks or commas between them. */
function patterns(value: Section["value"]): string[] {
  return typeof value === "string" ? value.split(",") : value.map(({ val }) => val);
}

function configFailure(file: string, problem: string, remedy: string): Failure {
  return new Failure({ reason: "ssh-unreachable", message: `${file} ${problem}`, remedy });
}
