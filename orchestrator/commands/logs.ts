import type { Command } from "commander";
import { Failure } from "../../worker/contract/failure.ts";
import { dispositionOf } from "../../worker/queue/disposition.ts";
import type { Output, TextStream } from "../output/output.ts";
import type { OpenSweep, SweepAccess } from "../ports/sweep-access.ts";
import { withExample, withJson } from "./command-options.ts";
import { findTrial, usingSweep } from "./using-sweep.ts";
import { type Pause, pauseBetweenLooks, untilInterrupted } from "./watch-sweep.ts";

interface LogsOptions {
  follow?: boolean;
  attempt?: number;
  json?: boolean;
}

export interface LogsPorts {
  openSweep: OpenSweep;
  stdout: TextStream;
  /** Between two looks at a log that is followed. */
  pause?: Pause;
}

/** Adds `logs NAME|FILE TRIAL`: the log of a trial's newest attempt, once or as it grows. */
export function registerLogsCommand(program: Command, output: Output, ports: LogsPorts): void {
  const command = program
    .command("logs <sweep> <trial>")
    .description("print the log of a trial; a unique beginning of its id is enough")
    .option("-f, --follow", "go on, over attempts, until the trial is settled")
    .option("--attempt <n>", "of this attempt instead of the newest", attemptNumber)
    .action(async (sweep: string, trial: string, options: LogsOptions) => {
      await usingSweep(ports.openSweep, sweep, (access) =>
        printLogs({ access, trial, options, output, ports }),
      );
    });
  withJson(withExample(command, "qsweep logs demo t3f2a91 --follow"));
}

function attemptNumber(text: string): number {
  if (/^[1-9]\d{0,8}$/.test(text)) return Number(text);
  throw new Failure({
    reason: "usage",
    message: `--attempt ${text}: attempts are numbered from 1`,
    remedy: "Give a whole number, or leave it out for the newest attempt.",
  });
}

interface LogsRequest {
  access: SweepAccess;
  trial: string;
  options: LogsOptions;
  output: Output;
  ports: LogsPorts;
}

async function printLogs(request: LogsRequest): Promise<void> {
  const { options, output, ports } = request;
  if (options.follow && options.json) {
    throw new Failure({
      reason: "usage",
      message: "--follow prints a log as it grows, and --json one value at the end",
      remedy: "Leave one of them out.",
    });
  }
  const trial = await lookAt(request);
  const attempt = options.attempt ?? trial.attempts.at(-1) ?? 0;
  if (options.follow) {
    const pause = ports.pause ?? pauseBetweenLooks;
    return untilInterrupted((signal) => follow(request, attempt, () => pause(signal), signal));
  }
  if (!trial.attempts.includes(attempt)) throw noAttempt(trial.id, options.attempt);
  const log: string[] = [];
  const print = options.json ? (text: string) => log.push(text) : writerTo(ports.stdout);
  await new LogReader(request.access, trial.id, attempt).readOn(print);
  if (options.json) {
    const value = { trial: trial.id, attempt, log: log.join("") };
    output.show({ value, text: () => value.log });
  }
}

/** Prints one attempt's log after the other, until the trial is settled or the user has enough. */
async function follow(
  request: LogsRequest,
  firstAttempt: number,
  pause: () => Promise<void>,
  signal: AbortSignal,
): Promise<void> {
  const { access, options, output, ports } = request;
  const print = writerTo(ports.stdout);
  let reader: LogReader | null = null;
  for (;;) {
    const { id, attempts, isSettled } = await lookAt(request);
    const newest = options.attempt ?? attempts.at(-1) ?? 0;
    const isOver = isSettled || (options.attempt !== undefined && (attempts.at(-1) ?? 0) > newest);
    for (const attempt of attempts.filter((one) => one >= firstAttempt && one <= newest)) {
      if (attempt < (reader?.attempt ?? 0)) continue;
      if (attempt !== reader?.attempt) {
        await reader?.readOn(print);
        output.note(`== ${id}, attempt ${attempt}`);
        reader = new LogReader(access, id, attempt);
      }
      await reader.readOn(print);
    }
    if (isOver) return;
    await pause();
    if (signal.aborted) return;
  }
}

interface TrialLook {
  id: string;
  attempts: number[];
  isSettled: boolean;
}

async function lookAt({ access, trial }: LogsRequest): Promise<TrialLook> {
  const { trials, plan } = await access.read();
  const { id, record, wish } = findTrial(
    trials.map(({ spec, ...rest }) => ({ id: spec.id, ...rest })),
    trial,
  );
  const { kind } = dispositionOf({ record, wish, maxFailures: plan.max_failures });
  const attempts = record.attempts.map(({ attempt }) => attempt);
  return { id, attempts, isSettled: kind !== "open" && kind !== "waiting" };
}

/** Reads a log from where it stopped before. */
class LogReader {
  readonly attempt: number;
  readonly #access: SweepAccess;
  readonly #trial: string;
  readonly #decoder = new TextDecoder();
  #offset = 0;

  constructor(access: SweepAccess, trial: string, attempt: number) {
    this.#access = access;
    this.#trial = trial;
    this.attempt = attempt;
  }

  /** Up to its present end. */
  async readOn(print: (text: string) => void): Promise<void> {
    const place = { trial: this.#trial, attempt: this.attempt, file: "log" } as const;
    for (;;) {
      const { bytes } = await this.#access.readPart({ ...place, offset: this.#offset });
      if (bytes.length === 0) return;
      this.#offset += bytes.length;
      print(this.#decoder.decode(bytes, { stream: true }));
    }
  }
}

function writerTo(stream: TextStream): (text: string) => void {
  return (text) => void stream.write(text);
}

function noAttempt(trial: string, attempt: number | undefined): Failure {
  return new Failure({
    reason: "trial-unknown",
    message:
      attempt === undefined
        ? `trial ${trial} has no log yet: no pilot has taken it up`
        : `trial ${trial} has no attempt ${attempt}`,
    remedy: "See `qsweep status`; with --follow the log is shown as soon as there is one.",
  });
}
