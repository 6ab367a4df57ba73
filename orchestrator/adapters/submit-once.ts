import { existsSync, readdirSync, readFileSync } from "node:fs";
import path from "node:path";
import { z } from "zod";
import { createFileDurably, writeFileDurably } from "../../worker/files/durable-write.ts";
import {
  acceptGridJob,
  readAcceptedJob,
  submissionPaths,
} from "../../worker/files/submission-directory.ts";
import type { CommandResult } from "../ports/remote-host.ts";
import { gridFailure, unreachable } from "../sge/grid-failure.ts";
import { qsubOutcome, type QsubOutcome } from "../sge/qsub-answer.ts";
import { fileAgeSeconds } from "./file-clock.ts";

export interface FindSteps {
  /** Of the submission; it exists. */
  directory: string;
  /** The grid job that the scheduler shows for this submission, by a report of some age. */
  findShown: () => Promise<string | null>;
  /** The grid job that the accounting has. */
  findEnded: () => Promise<string | null>;
  /** How old such a report may be. */
  reportSeconds: number;
  pause: (seconds: number) => Promise<void>;
}

export interface SubmitSteps extends FindSteps {
  /** Runs qsub, which ends within QSUB_SECONDS even if this process does not live to see it. */
  ask: () => Promise<CommandResult>;
}

/** A qsub that has not ended by then is ended. */
export const QSUB_SECONDS = 60;

/** For a kill after that, and for a grid job that has ended to get into the accounting. */
const GRACE_SECONDS = 75;
const LOOK_SECONDS = 5;

/** `rc`: how the latest attempt's qsub ended. */
const Ended = z.strictObject({ attempt: z.number().int(), status: z.number().int() });

/**
 * Submits once, whoever asks and however often: each attempt to run qsub is claimed by a file, and
 * after one whose end is not known (its process died, qsub was cut short) a further one is made
 * only when neither the scheduler nor the accounting has its grid job long after. Returns the
 * accepted grid job's number; throws what `gridFailure` says.
 */
export async function submitOnce(steps: SubmitSteps): Promise<string> {
  const { directory } = steps;
  for (;;) {
    const accepted = readAcceptedJob(directory);
    if (accepted !== null) return accepted;
    const attempt = latestAttempt(directory);
    const outcome: QsubOutcome = attempt === 0 ? { kind: "unsent" } : outcomeOf(directory, attempt);
    if (outcome.kind === "submitted") return accept(directory, outcome.job);
    if (outcome.kind === "unknown") {
      const found = await find(steps, attempt);
      if (found !== null) return accept(directory, found);
    }
    if (readAcceptedJob(directory) !== null || latestAttempt(directory) !== attempt) continue;
    if (attemptIsMine(directory, attempt + 1)) return tryOnce(steps, attempt + 1);
  }
}

/**
 * The grid job of a submission that somebody made, and may not have learnt the answer to. Null
 * where there is none; to be sure of that may take as long as `submitOnce` takes.
 */
export async function findSubmitted(steps: FindSteps): Promise<string | null> {
  const { directory } = steps;
  const attempt = latestAttempt(directory);
  const outcome: QsubOutcome = attempt === 0 ? { kind: "unsent" } : outcomeOf(directory, attempt);
  if (outcome.kind === "submitted") return accept(directory, outcome.job);
  const found = outcome.kind === "unknown" ? await find(steps, attempt) : null;
  return found === null ? readAcceptedJob(directory) : accept(directory, found);
}

/** Looks until the job shows or can no longer come. Null then, and when there is news in files. */
async function find(steps: FindSteps, attempt: number): Promise<string | null> {
  const { directory, findShown, findEnded, reportSeconds, pause } = steps;
  const settledSeconds = QSUB_SECONDS + GRACE_SECONDS + reportSeconds;
  for (;;) {
    const age = fileAgeSeconds(claimFile(directory, attempt)) ?? 0;
    const shown = await findShown();
    if (shown !== null) return shown;
    if (age > settledSeconds) return findEnded();
    if (readAcceptedJob(directory) !== null) return null;
    const outcome = outcomeOf(directory, attempt);
    if (outcome.kind === "submitted") return outcome.job;
    if (outcome.kind === "unsent") return null;
    await pause(LOOK_SECONDS);
  }
}

async function tryOnce({ directory, ask }: SubmitSteps, attempt: number): Promise<string> {
  const paths = submissionPaths(directory);
  const result = await ask();
  writeFileDurably(paths.out, result.stdout);
  writeFileDurably(paths.err, result.stderr);
  const ended: z.infer<typeof Ended> = { attempt, status: result.status };
  writeFileDurably(paths.rc, `${JSON.stringify(ended)}\n`);
  const outcome = qsubOutcome(result);
  if (outcome.kind === "submitted") return accept(directory, outcome.job);
  const failure = gridFailure("qsub", result);
  if (outcome.kind === "unsent") throw failure;
  throw unreachable(`it is not known whether qsub submitted anything: ${failure.message}`);
}

function outcomeOf(directory: string, attempt: number): QsubOutcome {
  const { out, err, rc } = submissionPaths(directory);
  if (!existsSync(rc)) return { kind: "unknown" };
  const ended = Ended.parse(JSON.parse(readFileSync(rc, "utf8")));
  if (ended.attempt !== attempt) return { kind: "unknown" };
  return qsubOutcome({
    status: ended.status,
    stdout: readFileSync(out, "utf8"),
    stderr: readFileSync(err, "utf8"),
  });
}

/** A pilot may have been first, and then its grid job is the one. */
function accept(directory: string, job: string): string {
  acceptGridJob(directory, job);
  return readAcceptedJob(directory) ?? job;
}

function claimFile(directory: string, attempt: number): string {
  return path.join(directory, `qsub-${attempt}.claim`);
}

function attemptIsMine(directory: string, attempt: number): boolean {
  return createFileDurably(claimFile(directory, attempt), `${process.pid}\n`);
}

/** 0 where none was made. */
export function latestAttempt(directory: string): number {
  if (!existsSync(directory)) return 0;
  const numbers = readdirSync(directory).map((name) => /^qsub-(\d+)\.claim$/.exec(name)?.[1] ?? 0);
  return Math.max(0, ...numbers.map(Number));
}
