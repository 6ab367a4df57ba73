import { type ChildProcess, spawn } from "node:child_process";
import { readFileSync } from "node:fs";
import { createInterface } from "node:readline";

/** A child process that does one piece of work each time it is told to. */
export interface ContestantProgram {
  side: string;
  argv: [string, ...string[]];
  env?: NodeJS.ProcessEnv;
  /** Silence for so long ends it. */
  limitSeconds: number;
}

/** What a contestant says: `seconds` of a turn, and whatever else its row wants to know. */
export type Said = Record<string, unknown>;

const KEPT_STDERR = 4000;

/**
 * Contestants write a JSON object per line: one when they are ready, then one for each line they
 * read. `ours/answer.ts` and `python/answer.py` are their side of it.
 */
export class Contestant {
  readonly side: string;
  /** What it said when it was ready. */
  said: Said = {};
  readonly #child: ChildProcess;
  readonly #limitSeconds: number;
  readonly #lines: AsyncIterator<string>;
  readonly #ended: Promise<string>;
  #stderr = "";

  private constructor({ side, argv: [program, ...words], env, limitSeconds }: ContestantProgram) {
    this.side = side;
    this.#limitSeconds = limitSeconds;
    const child = spawn(program, words, {
      env: { ...process.env, ...env },
      stdio: ["pipe", "pipe", "pipe"],
    });
    this.#child = child;
    // Who is gone before it reads says so by its silence.
    child.stdin.on("error", () => {});
    child.on("error", (error) => (this.#stderr += error.message));
    this.#ended = new Promise((resolve) => {
      child.on("close", (status, signal) => resolve(signal ?? `status ${status}`));
    });
    child.stderr.setEncoding("utf8").on("data", (text: string) => {
      this.#stderr = (this.#stderr + text).slice(-KEPT_STDERR);
    });
    this.#lines = createInterface({ input: child.stdout })[Symbol.asyncIterator]();
  }

  /** Returns when it is ready. Throws what it said last if it ends before. */
  static async start(program: ContestantProgram): Promise<Contestant> {
    const contestant = new Contestant(program);
    contestant.said = await contestant.#answer();
    return contestant;
  }

  /** Has it do its work once. */
  async turn(): Promise<Said> {
    this.#child.stdin?.write("go\n");
    return this.#answer();
  }

  /** The most resident memory that the process had so far. */
  peakMebibytes(): number | null {
    return peakMebibytes(this.#child.pid);
  }

  async stop(): Promise<void> {
    if (this.#child.exitCode !== null || this.#child.signalCode !== null) return;
    const gone = new Promise((resolve) => this.#child.on("exit", resolve));
    this.#child.kill("SIGKILL");
    await gone;
  }

  async #answer(): Promise<Said> {
    const timer = setTimeout(() => {
      this.#stderr += `\nsilent for ${this.#limitSeconds} s`;
      this.#child.kill("SIGKILL");
    }, this.#limitSeconds * 1000);
    const { value, done } = await this.#lines.next().finally(() => clearTimeout(timer));
    if (done !== true) return JSON.parse(value);
    const how = await this.#ended;
    throw new Error(`${this.side} ended with ${how}: ${this.#stderr.trim().split("\n").at(-1)}`);
  }
}

/** `VmHWM` of a process; null where there is no such process, or no /proc. */
function peakMebibytes(pid: number | undefined): number | null {
  try {
    const status = readFileSync(`/proc/${pid}/status`, "utf8");
    const kibibytes = /^VmHWM:\s+(\d+) kB$/m.exec(status)?.[1];
    return kibibytes === undefined ? null : Number(kibibytes) / 1024;
  } catch {
    return null;
  }
}
