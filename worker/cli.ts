import { Command, CommanderError } from "commander";
import type { CommandOutput } from "./commands/command-report.ts";
import { Failure } from "./contract/failure.ts";

// A reader that has seen enough, such as `head`, is no error.
process.stdout.on("error", (error: NodeJS.ErrnoException) => {
  if (error.code !== "EPIPE") throw error;
  process.exit();
});

const json = process.argv.includes("--json");
const output: CommandOutput = {
  show({ value, lines }) {
    process.stdout.write(json ? `${JSON.stringify(value)}\n` : `${lines.join("\n")}\n`);
  },
  progress(line) {
    process.stderr.write(`${line}\n`);
  },
};

/** Adds each command, with what only it needs: only that is loaded. */
const COMMANDS: Record<string, (program: Command, output: CommandOutput) => Promise<void>> = {
  async engine(...to) {
    (await import("./commands/engine.ts")).registerEngineCommand(...to);
  },
  async "demo-set"(...to) {
    (await import("./commands/demo-set.ts")).registerDemoSetCommand(...to);
  },
  async score(...to) {
    (await import("./commands/score.ts")).registerScoreCommand(...to);
  },
  async caption(...to) {
    (await import("./commands/caption.ts")).registerCaptionCommand(...to);
  },
  async predict(...to) {
    (await import("./commands/predict.ts")).registerPredictCommand(...to);
  },
  async model(...to) {
    (await import("./commands/model.ts")).registerModelCommand(...to);
  },
};

const program = new Command("qsweep").exitOverride().configureOutput({ outputError: () => {} });
const [, , word = ""] = process.argv;
const named = Object.keys(COMMANDS).filter((name) => name === word);
for (const name of named.length > 0 ? named : Object.keys(COMMANDS)) {
  await COMMANDS[name]?.(program, output);
}
for (const command of program.commands) {
  for (const answering of command.commands.length === 0 ? [command] : command.commands) {
    answering.option("--json", "print exactly one JSON value, errors too");
  }
}

function showFailure(error: unknown): number {
  if (error instanceof CommanderError) {
    if (error.code === "commander.help") return 2; // No command was given: its help is shown.
    if (error.exitCode === 0) return 0;
    const message = error.message.replace(/^error: /, "").replaceAll("\n", " ");
    return showFailure(new Failure({ reason: "usage", message, remedy: "see `--help`" }));
  }
  if (!(error instanceof Failure)) throw error;
  if (json) process.stdout.write(`${JSON.stringify({ error })}\n`);
  else process.stderr.write(`error: ${error.message}\n  ${error.remedy}\n`);
  return error.reason === "usage" ? 2 : 1;
}

try {
  await program.parseAsync();
} catch (error) {
  process.exitCode = showFailure(error);
}
