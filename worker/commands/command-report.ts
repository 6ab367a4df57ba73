/** What a command found: one value under `--json`, lines for people otherwise. */
export interface Report {
  value: unknown;
  lines: string[];
}

/** Where commands say things; `worker/cli.ts` prints them. */
export interface CommandOutput {
  /** Once, at the end. */
  show: (report: Report) => void;
  /** A line about what takes long. */
  progress: (line: string) => void;
}

/** An example as the last part of a command's help. */
export function helpExample(words: string): string {
  return `\nExample:\n  $ qsweep ${words}`;
}
