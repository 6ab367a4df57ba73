import { spawn } from "node:child_process";

export interface ToolRun {
  /** The program and its arguments; no shell reads them. */
  argv: [program: string, ...args: string[]];
  cwd?: string;
  env?: NodeJS.ProcessEnv;
  /** Called with each complete line of standard output as it comes. */
  onLine?: (line: string) => void;
}

export interface ToolOutcome {
  /** Exit status; null when the program could not be started or died of a signal. */
  status: number | null;
  stdout: string;
  /** Standard error, or why the program could not be started. */
  stderr: string;
}

/**
 * Runs a program to its end and returns what it said; it never throws for the program's failure.
 */
export function runTool({
  argv: [program, ...args],
  cwd,
  env,
  onLine,
}: ToolRun): Promise<ToolOutcome> {
  return new Promise((resolve) => {
    const child = spawn(program, args, { cwd, env, stdio: ["ignore", "pipe", "pipe"] });
    let stdout = "";
    let stderr = "";
    let line = "";
    child.stdout.setEncoding("utf8").on("data", (text: string) => {
      stdout += text;
      const lines = (line + text).split("\n");
      line = lines.pop() ?? "";
      for (const complete of lines) onLine?.(complete);
    });
    child.stderr.setEncoding("utf8").on("data", (text: string) => (stderr += text));
    child.on("error", (error) => resolve({ status: null, stdout, stderr: error.message }));
    child.on("close", (status, signal) => {
      resolve({ status, stdout, stderr: signal ? `${stderr}\nkilled by ${signal}` : stderr });
    });
  });
}

/** The last line of an output that says anything: usually the complaint itself. */
export function lastLine(output: string): string {
  return output.trimEnd().split("\n").at(-1)?.trim() ?? "";
}
