import { existsSync, readdirSync, readFileSync } from "node:fs";
import path from "node:path";
import { expect, it } from "vitest";
import { gridEnds } from "../../../orchestrator/sge/accounting.ts";
import { gridFailure } from "../../../orchestrator/sge/grid-failure.ts";
import { qstatRows } from "../../../orchestrator/sge/qstat-rows.ts";
import { qsubOutcome, verdictOf } from "../../../orchestrator/sge/qsub-answer.ts";
import { taskCount, taskRanges } from "../../../orchestrator/sge/task-ranges.ts";
import { taskState } from "../../../orchestrator/sge/task-state.ts";
import { sampleResult, sampleText, SGE_SAMPLES } from "../../rig/sge-samples.ts";

/** What nothing of ours asks for, so that there is nothing to parse. */
const NOT_ASKED = new RegExp(
  [
    "^(?:qconf-|qhost|qstat-j-|qstat-empty\\.txt|qstat-ext|qmod-[rs]|qalter)",
    "^(?:slurm|ssh-errors|version)",
  ].join("|"),
);

/** Samples that other tests are about. */
const ELSEWHERE: Record<string, string> = {
  "job-env-plain.txt": "task-script.test.ts",
  "job-env-array-pe.txt": "task-script.test.ts",
  "qdel-eqw.txt": "sge-scheduler.test.ts",
  "qdel-other.txt": "sge-scheduler.test.ts",
  "qdel-pending.txt": "sge-scheduler.test.ts",
  "qdel-running.txt": "sge-scheduler.test.ts",
  "qdel-unknown.txt": "sge-scheduler.test.ts",
};

/** A row of plain `qstat`: state letters, and the tasks in the last column. */
const PLAIN_ROW =
  /^ +\d+ \d\.\d{5} \S+ +ds +(\w+) +[\d/]{10} [\d:]{8} (?:\S+@\S+|) +\d+ ?([\d,:-]*) *$/gm;

/** Who reads a sample; false where it is none of theirs. */
const READERS: Record<string, (name: string) => boolean> = {
  "qstat -xml": (name) => name.endsWith(".xml") && qstatRows(sampleText(name)) !== null,
  qacct: (name) =>
    /^(?:qacct-|qmaster-down-qacct)/.test(name) && readsAccounting(sampleResult(name).stdout),
  "raw accounting": (name) => name === "accounting.txt" && rawAccounting().size > 0,
  verdict: (name) => verdictOf(sampleResult(name).stderr) !== null,
  qsub: (name) =>
    /^(?:qsub|unsatisfiable)-/.test(name) && qsubOutcome(sampleResult(name)).kind === "submitted",
  failure: (name) => {
    const result = sampleResult(name);
    return result.status !== 0 && !/\n/.test(gridFailure("qsub", result).message);
  },
  "qstat's letters and tasks": (name) => {
    const rows = [...sampleText(name).matchAll(PLAIN_ROW)];
    return rows.length > 0 && rows.every(([, state = "", tasks = ""]) => reads(state, tasks));
  },
};

function reads(state: string, tasks: string): boolean {
  const isKnown = taskState(state) !== "waiting" || /^(?:R?qw?|z)$/.test(state);
  return isKnown && (tasks === "" || taskCount(taskRanges(tasks) ?? []) > 0);
}

function readsAccounting(stdout: string): boolean {
  const cut = !stdout.includes("exit_status");
  return cut || gridEnds(stdout).length > 0;
}

/** `JOB.TASK` → `failed exit_status` of its last line, by accounting(5). */
function rawAccounting(): Map<string, string> {
  const fields = sampleText("accounting.txt")
    .split("\n")
    .filter((line) => line !== "" && !line.startsWith("#"))
    .map((line) => line.split(":"));
  return new Map(fields.map((line) => [`${line[5]}.${line[35]}`, `${line[11]} ${line[12]}`]));
}

it.each(SGE_SAMPLES.filter((name) => !NOT_ASKED.test(name) && !(name in ELSEWHERE)))(
  "%s is read by a parser",
  (name) => {
    expect(Object.keys(READERS).filter((reader) => READERS[reader]?.(name))).not.toEqual([]);
  },
);

it("names the test of each sample that it leaves to another", () => {
  for (const [name, file] of Object.entries(ELSEWHERE)) {
    const folder = file.startsWith("sge-scheduler") ? "adapters" : "sge";
    const text = readFileSync(path.resolve("test/orchestrator", folder, file), "utf8");
    expect(text).toContain(name.replace(/\.txt$/, ""));
  }
});

it("agrees with the accounting file about every job that qacct was asked for", () => {
  const raw = rawAccounting();
  const records = SGE_SAMPLES.filter((name) => name.startsWith("qacct-"))
    .flatMap((name) => gridEnds(sampleText(name)))
    .filter(({ job }) => raw.has(`${job}.0`));
  expect(records.length).toBeGreaterThan(10);
  for (const { job, task, said } of records) {
    const [failed, status] = (raw.get(`${job}.${task ?? 0}`) ?? "").split(" ");
    expect(said).toMatch(new RegExp(`^failed ${failed}\\b.*exit_status ${status}\\b`));
  }
});

const shared = path.resolve("..", "shared", "sge-samples");
// Only the workplace that the samples were captured for has the originals.
it.skipIf(!existsSync(shared))("are the ones that were handed to the project", () => {
  expect(SGE_SAMPLES).toEqual(readdirSync(shared).toSorted());
  for (const name of SGE_SAMPLES) {
    expect(sampleText(name)).toBe(readFileSync(path.join(shared, name), "utf8"));
  }
});
