import type { Failure } from "../../worker/contract/failure.ts";
import { DiagnosedFailure } from "../sweep/diagnostic.ts";
import { renderDiagnostics } from "./diagnostic.ts";
import { printable, styleFor, type Style } from "./style.ts";

/** What a command found. */
export interface Answer {
  /** The one value printed under `--json`. */
  value: unknown;
  /** The same for people, ending with a line break. */
  text: (style: Style) => string;
}

/** Where commands show what they found. */
export interface Output {
  /** Shows an answer: the only thing printed on stdout under `--json`. */
  show(answer: Answer): void;
  /** Says what happens meanwhile, as a line on stderr for people; nothing under `--json`. */
  note(line: string): void;
  /** Shows a failure that the user can act on. */
  fail(failure: Failure): void;
}

/** A stream such as `process.stdout`. */
export interface TextStream {
  write(text: string): unknown;
  isTTY?: boolean;
}

interface Streams {
  stdout: TextStream;
  stderr: TextStream;
  environment: Record<string, string | undefined>;
}

/** For programs: one JSON value and a line break on stdout, failures as `{"error": {…}}`. */
export function jsonOutput({ stdout }: Streams): Output {
  const print = (value: unknown) => stdout.write(`${JSON.stringify(value)}\n`);
  return {
    show: ({ value }) => print(value),
    note: () => {},
    fail: (failure) => print({ error: failure }),
  };
}

/**
 * For people: answers on stdout, everything else on stderr, each with colours if it is a terminal.
 */
export function textOutput({ stdout, stderr, environment }: Streams): Output {
  const style = styleFor(stdout, environment);
  return {
    show: ({ text }) => stdout.write(text(style)),
    note: (line) => stderr.write(`${line}\n`),
    fail: (failure) => stderr.write(failureText(failure, styleFor(stderr, environment))),
  };
}

function failureText(failure: Failure, style: Style): string {
  if (!(failure instanceof DiagnosedFailure)) {
    return `${style.red("error:")} ${printable(failure.message)}\n  ${printable(failure.remedy)}\n`;
  }
  const { diagnostics, remedy } = failure;
  const count = diagnostics.length === 1 ? "1 problem" : `${diagnostics.length} problems`;
  return `${renderDiagnostics(diagnostics, style)}\n${style.red(`${count}.`)} ${remedy}\n`;
}
