import type { GridEnd } from "../ports/scheduler.ts";

/** Codes of `failed`, by sge_status(5) where not measured: nothing of ours ran. */
const SETUP = new Set([
  1, 3, 4, 5, 6, 7, 8, 9, 10, 11, 21, 26, 27, 28, 29, 31, 32, 33, 34, 35, 36, 38,
]);
const MIGRATING = 24;
const RESCHEDULING = 25;
const NODE_LOST = 19;
const LIMIT = 37;
const THROUGH_SIGNAL = 17;
const AFTER_START = 100;

/** Limits are looked at each second, and times are rounded. */
const SLACK_SECONDS = 2;

/**
 * The last word of `qacct -j` on each task, in order of task. A record of a rerun counts only where
 * no other follows. Records that are not whole are left out: ask again later. While `qstat` still
 * shows a task, its records are of earlier tries.
 */
export function gridEnds(stdout: string): GridEnd[] {
  const last = new Map<number | null, GridEnd>();
  for (const record of recordsOf(stdout)) {
    const end = gridEnd(record);
    if (end === null) continue;
    if (end.how === "rescheduled" && last.has(end.task)) continue;
    last.set(end.task, end);
  }
  return [...last.values()].toSorted((a, b) => (a.task ?? 0) - (b.task ?? 0));
}

type AccountingRecord = ReadonlyMap<string, string>;

function recordsOf(stdout: string): AccountingRecord[] {
  return stdout
    .split(/^={10,}\s*$/m)
    .map((text) => new Map([...text.matchAll(/^(\w+)[ \t]+(\S.*?)\s*$/gm)].map(pair)))
    .filter((record) => record.has("jobnumber"));
}

function pair([, name = "", value = ""]: RegExpExecArray): [string, string] {
  return [name, value];
}

function gridEnd(record: AccountingRecord): GridEnd | null {
  const job = record.get("jobnumber");
  const failed = numberOf(record.get("failed"));
  const status = numberOf(record.get("exit_status"));
  if (job === undefined || failed === null || status === null) return null;
  if (failed === 0 && !(hasTime(record, "start_time") && hasTime(record, "end_time"))) return null;
  return {
    job,
    task: numberOf(record.get("taskid")),
    how: howEnded(failed, record),
    status,
    said: said(record),
    host: record.get("hostname") ?? null,
  };
}

function howEnded(failed: number, record: AccountingRecord): GridEnd["how"] {
  if (failed === 0) return "exit";
  if (failed === LIMIT) return isOverTime(record) ? "walltime" : "killed";
  if (failed === AFTER_START || failed === THROUGH_SIGNAL) return "killed";
  if (failed === NODE_LOST) return "node-lost";
  if (failed === RESCHEDULING || failed === MIGRATING) return "rescheduled";
  return SETUP.has(failed) ? "setup" : "unknown";
}

/** One code stands for the limits of time and of memory: the time that it ran tells them apart. */
function isOverTime(record: AccountingRecord): boolean {
  const asked = /\bh_rt=([\d:]+)/.exec(record.get("category") ?? "")?.[1];
  const ran = numberOf(record.get("ru_wallclock"));
  if (asked === undefined || ran === null) return true;
  return ran + SLACK_SECONDS >= timeSeconds(asked);
}

/** `3600` or `1:0:0` → seconds. */
function timeSeconds(text: string): number {
  return text.split(":").reduce((sum, part) => sum * 60 + Number(part), 0);
}

function said(record: AccountingRecord): string {
  const words = ["failed", "exit_status", "ru_wallclock", "maxvmem"].flatMap((name) => {
    const value = record.get(name)?.replaceAll(/\s+/g, " ");
    return value === undefined ? [] : [`${name} ${value}`];
  });
  return words.join(", ");
}

/** `37  : text`, `137   (Killed)`, `8s` → the number in front; null for `undefined`. */
function numberOf(value: string | undefined): number | null {
  const digits = /^\d+(?:\.\d+)?/.exec(value ?? "")?.[0];
  return digits === undefined ? null : Number(digits);
}

/** Whether a time is one: accounting that is not whole has `-/-`, or the beginning of 1970. */
function hasTime(record: AccountingRecord, name: string): boolean {
  const time = record.get(name);
  return time !== undefined && time !== "-/-" && !/\b19(?:69|70)$/.test(time);
}
