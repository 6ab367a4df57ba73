import { existsSync, mkdirSync, readdirSync, readFileSync } from "node:fs";
import path from "node:path";
import { z } from "zod";
import { createFileDurably, writeFileDurably } from "./durable-write.ts";

/** The names in `submissions/<token>`: one array handed to a scheduler. */
export interface SubmissionPaths {
  directory: string;
  /** What was asked for; written before anything is submitted. */
  array: string;
  /** The script as submitted, and what the scheduler's command printed and ended with. */
  script: string;
  out: string;
  err: string;
  rc: string;
  /** Number of the one grid job of this submission whose pilots may work. */
  accepted: string;
  /** There when a pilot found every trial settled: tasks that follow end at once. */
  done: string;
}

export function submissionPaths(directory: string): SubmissionPaths {
  const file = (name: string): string => path.join(directory, name);
  return {
    directory,
    array: file("array.json"),
    script: file("script"),
    out: file("out"),
    err: file("err"),
    rc: file("rc"),
    accepted: file("accepted"),
    done: file("done"),
  };
}

/** Written by a task's pilot before its last look for work. */
export function signOffFile(directory: string, task: number): string {
  return path.join(directory, `task-${task}.left`);
}

const SubmissionRecord = z.strictObject({
  version: z.literal(1),
  token: z.string().regex(/^[0-9a-f]{8}$/),
  program: z.enum(["pilot", "broker"]),
  /** Of the pilots; null for a broker. */
  pool: z.string().nullable(),
  at_once: z.number().int().positive(),
  slices: z.number().int().positive(),
});
/** `array.json` of a submission. */
export type SubmissionRecord = z.infer<typeof SubmissionRecord>;

/** Keeps what is about to be submitted. False where it was kept before: the same submission. */
export function recordSubmission(directory: string, record: SubmissionRecord): boolean {
  mkdirSync(directory, { recursive: true });
  return createFileDurably(submissionPaths(directory).array, `${JSON.stringify(record)}\n`);
}

/** A submission as its directory has it. */
export interface Submission extends SubmissionRecord {
  directory: string;
  /** The accepted grid job, if the scheduler is known to have taken it. */
  job: string | null;
  isDone: boolean;
  /** Tasks whose pilot has signed off. */
  left: number[];
}

/** Every submission in a folder, in no order. */
export function readSubmissions(folder: string): Submission[] {
  if (!existsSync(folder)) return [];
  return readdirSync(folder).flatMap((name) => {
    const { directory, array, done } = submissionPaths(path.join(folder, name));
    if (!existsSync(array)) return [];
    const record = SubmissionRecord.parse(JSON.parse(readFileSync(array, "utf8")));
    const job = readAcceptedJob(directory);
    return [{ ...record, directory, job, isDone: existsSync(done), left: signedOff(directory) }];
  });
}

function signedOff(directory: string): number[] {
  return readdirSync(directory)
    .flatMap((file) => /^task-(\d+)\.left$/.exec(file)?.[1] ?? [])
    .map(Number);
}

/**
 * Whether a grid job is the accepted one of its submission; the first to ask is. A submission
 * repeated after a lost answer may have made two.
 */
export function acceptGridJob(directory: string, job: string): boolean {
  const { accepted } = submissionPaths(directory);
  createFileDurably(accepted, `${job}\n`);
  return readAcceptedJob(directory) === job;
}

/** The accepted grid job of a submission, or null as long as there is none. */
export function readAcceptedJob(directory: string): string | null {
  const { accepted } = submissionPaths(directory);
  return existsSync(accepted) ? readFileSync(accepted, "utf8").trim() : null;
}

/** Says that every trial was settled: see `SubmissionPaths.done`. */
export function markDone(directory: string): void {
  writeFileDurably(submissionPaths(directory).done, "");
}
