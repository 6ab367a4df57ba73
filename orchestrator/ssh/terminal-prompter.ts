import { createInterface } from "node:readline/promises";
import { Writable } from "node:stream";
import { isatty } from "node:tty";
import { askpassPrompter } from "./askpass-prompter.ts";
import type { Prompter, Question } from "./prompter.ts";

/** Who answers a command's questions: a program named for it as for OpenSSH, else the terminal. */
export function commandPrompter(): Prompter {
  const { SSH_ASKPASS: program, SSH_ASKPASS_REQUIRE: require } = process.env;
  const wanted = require === "force" || require === "prefer";
  return wanted && program !== undefined && program !== ""
    ? askpassPrompter(program)
    : terminalPrompter();
}

/** Asks on the terminal, on stderr, so that a command's output stays clean. */
function terminalPrompter(): Prompter {
  return {
    isTerminal: isatty(process.stdin.fd) && isatty(process.stderr.fd),
    ask: askOnTerminal,
  };
}

async function askOnTerminal({ prompt, hidden, signal }: Question): Promise<string | null> {
  // readline draws the last line itself, unless it is to draw nothing.
  const drawn = hidden ? "" : prompt.slice(prompt.lastIndexOf("\n") + 1);
  process.stderr.write(prompt.slice(0, prompt.length - drawn.length));
  // What readline would show of a hidden answer goes nowhere.
  const silent = new Writable({ write: (_bytes, _encoding, done) => done() });
  const output = hidden ? silent : process.stderr;
  const lines = createInterface({ input: process.stdin, output, terminal: true });
  const cancelled = new AbortController();
  lines.once("SIGINT", () => cancelled.abort()).once("close", () => cancelled.abort());
  const signals = signal === undefined ? [cancelled.signal] : [signal, cancelled.signal];
  try {
    return await lines.question(drawn, { signal: AbortSignal.any(signals) });
  } catch (error) {
    if (error instanceof Error && error.name === "AbortError") return null;
    throw error;
  } finally {
    lines.close();
    if (hidden) process.stderr.write("\n");
  }
}
