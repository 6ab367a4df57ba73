import path from "node:path";
import { Failure } from "../../worker/contract/failure.ts";
import { submissionPaths } from "../../worker/files/submission-directory.ts";
import { type GridArray, gridName } from "../ports/scheduler.ts";
import { shellWord } from "../ssh/shell-words.ts";
import type { ClusterSite } from "../sweep/site-config.ts";

export interface GridScriptParts {
  array: GridArray;
  site: Pick<ClusterSite, "setup" | "sge">;
  /** What a task does, as text of bash: see `jobs/task.sh`. */
  body: string;
}

/** Options that decide what a submission is: a site's directives may not change them. */
const OURS = /^-(?:S|N|t|tc|r|j|o|e|wd|cwd|V|terse|sync|w|verify|now|@|C)(?:\s|$)/;

const VARIABLE = /^[A-Za-z_]\w*$/;

/**
 * The script of an array, whole: options for Grid Engine, then our values as quoted words of bash,
 * then the body. A task that finds the sweep done ends before any line of the site is run. Throws
 * Failure `site-invalid` where a value cannot be written in an option.
 */
export function gridScript({ array, site, body }: GridScriptParts): string {
  const { directory } = array;
  const lines = [
    "#!/bin/bash -l",
    ...optionsOf(array, site).map((option) => `#$ ${option}`),
    `qsweep_submission=${bashWord(directory)}`,
    `if [ -e ${bashWord(submissionPaths(directory).done)} ]; then exit 0; fi`,
    ...Object.entries(array.environment).map(exported),
    bashArray("qsweep_setup", site.setup),
    bashArray("qsweep_command", array.command),
  ];
  return `${lines.join("\n")}\n\n${body}`;
}

function optionsOf(array: GridArray, { sge }: Pick<ClusterSite, "sge">): string[] {
  const { directory, logs, request, atOnce, slices } = array;
  const log = path.join(plainPath(logs), "$JOB_ID.$TASK_ID.log");
  const environment = sge.parallelEnvironment;
  return [
    "-S /bin/bash",
    `-N ${gridJobName(array)}`,
    ...(sge.project === null ? [] : [`-P ${optionWord(sge.project)}`]),
    ...slotOption(environment, request.slots),
    ...(request.gpus > 0 ? [`-l ${optionWord(`${sge.gpuResource}=${request.gpus}`)}`] : []),
    `-l ${optionWord(`h_rt=${request.walltime}`)}`,
    ...(atOnce * slices > 1 ? [`-t 1-${atOnce * slices}`, `-tc ${atOnce}`] : ["-t 1-1"]),
    "-r y",
    "-j y",
    `-o ${optionWord(log)}`,
    `-wd ${optionWord(plainPath(directory))}`,
    ...array.directives.map(directive),
  ];
}

/** The name of an array's grid job, without the characters that Grid Engine refuses in names. */
export function gridJobName({ token, label }: Pick<GridArray, "token" | "label">): string {
  return gridName(token, label).replaceAll(/[^\w.-]/g, "-");
}

/** Without a parallel environment Grid Engine gives a task one slot. */
function slotOption(environment: string | null, slots: number): string[] {
  if (environment !== null) return [`-pe ${optionWord(environment)} ${slots}`];
  if (slots === 1) return [];
  throw unwritable(
    `${slots} slots need a parallel environment`,
    "Set `sge.parallel_environment` in the site's file, or `resources: {slots: 1}` in the sweep.",
  );
}

function directive(option: string): string {
  const name = OURS.exec(option.trim())?.[0].trim();
  if (name === undefined) return option.trim();
  throw unwritable(
    `the directive \`${option}\` changes what qsweep decides with ${name}`,
    "Remove it from `directives` in the site's file.",
  );
}

/**
 * A word of a `#$` line. Grid Engine reads these itself: a pair of quotes keeps blanks, but only one
 * on a line; nothing escapes a quote; `$` in a path names a variable of its own.
 */
function optionWord(word: string): string {
  if (!/["']|\p{Cc}/u.test(word) && word !== "") return /\s/.test(word) ? `"${word}"` : word;
  throw unwritable(
    `${JSON.stringify(word)} cannot stand in an option of Grid Engine`,
    "Use a name without quotes and control characters.",
  );
}

/** A path in an option; a colon would divide it from a host's name, a comma from another path. */
function plainPath(file: string): string {
  if (!/[:,$]/.test(file)) return file;
  throw unwritable(
    `${JSON.stringify(file)} cannot stand in an option of Grid Engine`,
    "Use a `root` without colon, comma and dollar sign.",
  );
}

function unwritable(message: string, remedy: string): Failure {
  return new Failure({ reason: "site-invalid", message, remedy });
}

function exported([name, value]: [string, string]): string {
  if (!VARIABLE.test(name)) throw new Error(`not a variable's name: ${name}`);
  return `export ${name}=${bashWord(value)}`;
}

function bashArray(name: string, words: readonly string[]): string {
  return `${name}=(${words.map(bashWord).join(" ")})`;
}

/** A line break would be legal in bash, but could begin a line with `#$`. */
function bashWord(word: string): string {
  if (!/[\n\r\0]/.test(word)) return shellWord(word);
  throw unwritable(
    `${JSON.stringify(word)} is more than one line`,
    "Write it as a single line in the site's file.",
  );
}
