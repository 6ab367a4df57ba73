import type { Command } from "commander";

/** Adds `--json`, which main reads to choose the output; here it is for the command's help. */
export function withJson(command: Command): Command {
  return command.option("--json", "print exactly one JSON value, errors too");
}

/** Adds the repeatable `--set key=value`. */
export function withSets(command: Command): Command {
  const description = "change a value of the file, e.g. train.epochs=2 (repeatable)";
  return command.option<string[]>("--set <key=value>", description, collect);
}

function collect(set: string, sets: string[] = []): string[] {
  return [...sets, set];
}

/** Adds an example to the help. */
export function withExample(command: Command, example: string): Command {
  return command.addHelpText("after", `\nExample:\n  $ ${example}`);
}
