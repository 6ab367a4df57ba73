import type { CommandResult } from "../ports/remote-host.ts";
import { isUnsent } from "./grid-failure.ts";

/** With `-terse`, and as it is worded where a site's wrapper drops that. */
const SUBMITTED = /^(?:(\d+)(?:\.\d+-\d+:\d+)?$|Your job(?:-array)? (\d+)[. ])/;

/** The grid job's number in what `qsub` printed: the last such line, for sites print others. */
function submittedJob(stdout: string): string | null {
  const jobs = stdout.split("\n").flatMap((line) => {
    const match = SUBMITTED.exec(line.trim());
    return match?.[1] ?? match?.[2] ?? [];
  });
  return jobs.at(-1) ?? null;
}

/** What is known after `qsub` ended. */
export type QsubOutcome =
  | { kind: "submitted"; job: string }
  /** Surely nothing was submitted. */
  | { kind: "unsent" }
  /** There may be a grid job: look before asking again. */
  | { kind: "unknown" };

/** Statuses of a qsub that was ended: by `timeout`, or by a signal. */
const CUT_SHORT = 124;
const SIGNALLED = 128;

/** What became of `qsub -terse`. */
export function qsubOutcome(result: CommandResult): QsubOutcome {
  const { status, stdout } = result;
  const job = submittedJob(stdout);
  if (status === 0) return job === null ? { kind: "unknown" } : { kind: "submitted", job };
  const cut = status === CUT_SHORT || status > SIGNALLED;
  return { kind: !cut && isUnsent(result) ? "unsent" : "unknown" };
}

/** What `qsub -w v` says of a request: whether any host could ever run it, and why each cannot. */
export interface Verdict {
  runnable: boolean;
  reasons: string[];
}

/** Reads a verification. Null where it is none, such as a refusal of the request itself. */
export function verdictOf(output: string): Verdict | null {
  const lines = output.split("\n").map((line) => line.trim());
  const verdict = lines.find((line) => /verification: /.test(line));
  if (verdict === undefined) return null;
  const reasons = lines
    .filter((line) => /\bcannot run\b/.test(line))
    .map((line) => line.replace(/^.*?Job \d+ /, ""));
  return { runnable: /found suitable queue/.test(verdict), reasons: [...new Set(reasons)] };
}
