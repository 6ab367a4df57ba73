import { Command, CommanderError } from "commander";
import { registerCaptionCommand } from "./commands/caption.ts";
import type { CommandOutput } from "./commands/command-report.ts";
import { registerDemoSetCommand } from "./commands/demo-set.ts";
import { registerEngineCommand } from "./commands/engine.ts";
import { registerModelCommand } from "./commands/model.ts";
import { registerPredictCommand } from "./commands/predict.ts";
import { registerScoreCommand } from "./commands/score.ts";
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

const program = new Command("qsweep").exitOverride().configureOutput({ outputError: () => {} });
registerEngineCommand(program, output);
registerDemoSetCommand(program, output);
registerScoreCommand(program, output);
registerCaptionCommand(program, output);
registerPredictCommand(program, output);
registerModelCommand(program, output);
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
