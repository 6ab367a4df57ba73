import { Command, CommanderError } from "commander";
import { Failure } from "../worker/contract/failure.ts";
import { jsonOutput, textOutput, type Output, type TextStream } from "./output/output.ts";

export interface CommandLine {
  /** What the user typed after `qsweep`. */
  words: readonly string[];
  stdout: TextStream;
  stderr: TextStream;
  environment: Record<string, string | undefined>;
  /** Adds the commands, or the one that the words name. */
  register: (program: Command, output: Output) => void | Promise<void>;
}

/** Exit codes; a bug has one of its own (EX_SOFTWARE of sysexits.h), so that scripts can tell. */
const EXIT = { done: 0, failed: 1, usage: 2, bug: 70 } as const;

/** Runs one command to its end, shows what comes of it and returns the exit code. */
export async function runCommandLine(commandLine: CommandLine): Promise<number> {
  const { words, stdout, stderr, register } = commandLine;
  // Read before the words are parsed, because what is wrong with them is an answer too.
  const output = words.includes("--json") ? jsonOutput(commandLine) : textOutput(commandLine);
  const program = new Command("qsweep")
    .description("Experiment sweeps of image-captioning models")
    .helpCommand(false)
    .exitOverride()
    .configureOutput({
      writeOut: (text) => void stdout.write(text),
      writeErr: (text) => void stderr.write(text),
      outputError: () => {},
    });
  await register(program, output);
  try {
    await program.parseAsync(words, { from: "user" });
    return EXIT.done;
  } catch (error) {
    if (error instanceof CommanderError && error.exitCode === 0) return EXIT.done;
    if (error instanceof CommanderError && error.code === "commander.help") return EXIT.usage;
    const failure = error instanceof CommanderError ? usageFailure(error) : error;
    if (!(failure instanceof Failure)) {
      stderr.write(bugReport(failure));
      return EXIT.bug;
    }
    output.fail(failure);
    return failure.reason === "usage" ? EXIT.usage : EXIT.failed;
  }
}

/** Commander's `error: unknown command 'plam'` and, in a line of its own, what it would suggest. */
function usageFailure({ message }: CommanderError): Failure {
  const [first = "", suggestion] = message.replace(/^error: /, "").split("\n");
  const remedy = suggestion?.replaceAll(/[()]/g, "") ?? "See `qsweep --help`.";
  return new Failure({ reason: "usage", message: first, remedy });
}

function bugReport(error: unknown): string {
  const stack = error instanceof Error ? (error.stack ?? error.message) : String(error);
  return `${stack}\nThis is a bug in qsweep; please report it with the lines above.\n`;
}
