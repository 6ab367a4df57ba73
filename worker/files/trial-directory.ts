import { randomUUID } from "node:crypto";
import { existsSync, mkdirSync, readdirSync, readFileSync } from "node:fs";
import { hostname } from "node:os";
import path from "node:path";
import { z } from "zod";
import { AttemptExit, Claim, ResultOutline } from "../contract/trial-files.ts";
import { TrialSpec } from "../contract/trial-spec.ts";
import { claimDurably, createFileDurably, linkOnce } from "./durable-write.ts";
import { errorCode } from "./error-code.ts";

/** Compiled, as a sweep has thousands of each: reading is then all that takes time. */
const schemas = {
  claim: z.compile(Claim),
  exit: z.compile(AttemptExit),
  result: z.compile(ResultOutline),
};

/** The names in a trial directory: the only place that knows them. */
export function trialPaths(trialDirectory: string): {
  spec: string;
  result: string;
  attempts: string;
} {
  // Not by path.join, which takes as long as reading a small file: a sweep has thousands of these.
  return {
    spec: `${trialDirectory}/spec.json`,
    result: `${trialDirectory}/result.json`,
    attempts: `${trialDirectory}/attempts`,
  };
}

export interface AttemptPaths {
  directory: string;
  claim: string;
  events: string;
  log: string;
  exit: string;
  result: string;
  predictions: string;
  checkpoints: string;
}

/** The names of attempt `attempt`'s files. */
export function attemptPaths(trialDirectory: string, attempt: number): AttemptPaths {
  const directory = `${trialPaths(trialDirectory).attempts}/${attempt}`;
  return {
    directory,
    claim: `${directory}.claim`,
    events: `${directory}/events.jsonl`,
    log: `${directory}/log.txt`,
    exit: `${directory}/exit.json`,
    result: `${directory}/result.json`,
    predictions: `${directory}/predictions.json`,
    checkpoints: `${directory}/checkpoints`,
  };
}

/** Numbers of the attempts that have a directory, ascending. */
export function attemptNumbers(trialDirectory: string): number[] {
  return numbered(trialPaths(trialDirectory).attempts, /^(\d+)$/);
}

/** Numbers of the attempts that someone claimed, ascending. */
export function claimedAttempts(trialDirectory: string): number[] {
  return numbered(trialPaths(trialDirectory).attempts, /^(\d+)\.claim$/);
}

/** Claims an attempt for a pilot; true only for the one whose nonce stands in the claim file. */
export function claimAttempt(trialDirectory: string, attempt: number, pilot: string): boolean {
  const { claim } = attemptPaths(trialDirectory, attempt);
  mkdirSync(path.dirname(claim), { recursive: true });
  const nonce = randomUUID();
  const time = new Date().toISOString();
  const content: Claim = { version: 1, nonce, pilot, host: hostname(), time };
  return claimDurably(claim, `${JSON.stringify(content)}\n`);
}

/** Makes an attempt's result the trial's, once. Returns false if the trial had one. */
export function publishResult(trialDirectory: string, attempt: number): boolean {
  return linkOnce(attemptPaths(trialDirectory, attempt).result, trialPaths(trialDirectory).result);
}

/** Throws where the file is missing or malformed: a trial without its spec is a bug. */
export function readTrialSpec(trialDirectory: string): TrialSpec {
  return TrialSpec.parse(JSON.parse(readFileSync(trialPaths(trialDirectory).spec, "utf8")));
}

/** What a trial directory says about one attempt. */
export interface AttemptRecord {
  attempt: number;
  /** Read for an attempt without an exit record only: nobody asks whose an attempt was. */
  claim: Claim | null;
  exit: AttemptExit | null;
  /** Step of the furthest checkpoint, for an attempt that has one and no exit record. */
  checkpointStep?: number;
}

/** What a trial directory says: the ground truth about a trial. */
export interface TrialRecord {
  result: ResultOutline | null;
  /** Claimed attempts, ascending. */
  attempts: AttemptRecord[];
}

export function readTrialRecord(trialDirectory: string): TrialRecord {
  return { result: readResult(trialDirectory), attempts: readAttempts(trialDirectory) };
}

/** As `readTrialRecord`, but of the attempts of a trial with a result the numbers only. */
export function readTrialBriefly(trialDirectory: string): TrialRecord {
  const result = readResult(trialDirectory);
  if (result === null) return readUnfinished(trialDirectory);
  const numbers = attemptsAround(trialDirectory, result.attempt);
  return { result, attempts: numbers.map((attempt) => ({ attempt, claim: null, exit: null })) };
}

/** Of a trial that has no result. */
export function readUnfinished(trialDirectory: string): TrialRecord {
  return { result: null, attempts: readAttempts(trialDirectory) };
}

/**
 * Numbers of the claimed attempts up to this one and, without a gap, beyond. Each is looked for by
 * its name: there are few, and to list a directory takes several times as long.
 */
function attemptsAround(trialDirectory: string, attempt: number): number[] {
  const numbers: number[] = [];
  for (let number = 1; ; number += 1) {
    if (existsSync(attemptPaths(trialDirectory, number).claim)) numbers.push(number);
    else if (number > attempt) return numbers;
  }
}

function readAttempts(trialDirectory: string): AttemptRecord[] {
  return claimedAttempts(trialDirectory).map((attempt) => readAttempt(trialDirectory, attempt));
}

function readResult(trialDirectory: string): ResultOutline | null {
  return readJson(trialPaths(trialDirectory).result, schemas.result);
}

function readAttempt(trialDirectory: string, attempt: number): AttemptRecord {
  const exit = readExit(trialDirectory, attempt);
  if (exit) return { attempt, claim: null, exit };
  const { claim, checkpoints } = attemptPaths(trialDirectory, attempt);
  const checkpointStep = numbered(checkpoints, /^(?:best-)?step-(\d+)(?:-unvalidated)?$/).at(-1);
  const open = { attempt, claim: readJson(claim, schemas.claim), exit };
  return checkpointStep === undefined ? open : { ...open, checkpointStep };
}

/** How an attempt ended; null for one that, as far as its directory tells, has not. */
export function readExit(trialDirectory: string, attempt: number): AttemptExit | null {
  return readJson(attemptPaths(trialDirectory, attempt).exit, schemas.exit);
}

/**
 * Writes the exit record of an attempt that left none. False, and nothing is written, where it left
 * one by now or is not the newest attempt any more.
 */
export function recordEnd(trialDirectory: string, attempt: number, exit: AttemptExit): boolean {
  if (claimedAttempts(trialDirectory).at(-1) !== attempt) return false;
  const paths = attemptPaths(trialDirectory, attempt);
  mkdirSync(paths.directory, { recursive: true });
  return createFileDurably(paths.exit, `${JSON.stringify(exit)}\n`);
}

/** A small JSON file written by us, or null where it does not exist. */
function readJson<T>(file: string, schema: { parse: (value: unknown) => T }): T | null {
  // An error with its stack costs more than this look.
  if (!existsSync(file)) return null;
  let text: string;
  try {
    text = readFileSync(file, "utf8");
  } catch (error) {
    if (errorCode(error) === "ENOENT") return null;
    throw error;
  }
  return schema.parse(JSON.parse(text));
}

/** The numbers in the names of a directory's entries, ascending. */
function numbered(directory: string, pattern: RegExp): number[] {
  if (!existsSync(directory)) return [];
  const numbers: number[] = [];
  for (const name of readdirSync(directory)) {
    const number = pattern.exec(name)?.[1];
    if (number !== undefined) numbers.push(Number(number));
  }
  return numbers.toSorted((a, b) => a - b);
}
