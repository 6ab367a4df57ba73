import { spawn } from "node:child_process";
import type { Taken } from "./alternate.ts";
import type { ContestantProgram } from "./contestant.ts";

const SHOWN_STDERR = 400;

export interface ProcessAlternation {
  programs: readonly ContestantProgram[];
  /** Runs of each before those that count: files are then in the page cache. */
  warmUps: number;
  turns: number;
  progress: (line: string) => void;
}

/** Runs programs by turns, each from its start to its end; `last` has their output as `stdout`. */
export async function alternateProcesses(alternation: ProcessAlternation): Promise<Taken[]> {
  const { programs, warmUps, turns, progress } = alternation;
  const taken = programs.map(({ side }): Taken => ({
    side,
    seconds: [],
    peakMebibytes: null,
    ready: {},
    last: {},
  }));
  for (let turn = -warmUps; turn < turns; turn += 1) {
    for (const [index, program] of programs.entries()) {
      const { seconds, stdout } = await timed(program);
      progress(`${program.side}: ${seconds.toFixed(3)} s${turn < 0 ? " (warm-up)" : ""}`);
      const one = taken[index]!;
      one.last = { stdout };
      if (turn >= 0) one.seconds.push(seconds);
    }
  }
  return taken;
}

/** Throws where the program fails, or takes longer than its limit. */
function timed(program: ContestantProgram): Promise<{ seconds: number; stdout: string }> {
  const { side, argv, env, limitSeconds } = program;
  const [file, ...words] = argv;
  return new Promise((resolve, reject) => {
    const began = performance.now();
    const child = spawn(file, words, {
      env: { ...process.env, ...env },
      stdio: ["ignore", "pipe", "pipe"],
      timeout: limitSeconds * 1000,
      killSignal: "SIGKILL",
    });
    let stdout = "";
    let stderr = "";
    child.stdout.setEncoding("utf8").on("data", (text: string) => (stdout += text));
    child.stderr.setEncoding("utf8").on("data", (text: string) => (stderr += text));
    child.on("error", reject);
    child.on("close", (status, signal) => {
      const seconds = (performance.now() - began) / 1000;
      if (status === 0) return resolve({ seconds, stdout });
      const ended = signal ?? `status ${status}`;
      reject(new Error(`${side} ended with ${ended}: ${stderr.trim().slice(-SHOWN_STDERR)}`));
    });
  });
}
