import type { Command } from "commander";
import type { WorkerProcess } from "../ports/worker-process.ts";

/** The commands of `worker/cli.ts`, each with what the list of all commands says of it. */
export const WORKER_COMMANDS = [
  ["engine", "install or describe the TensorFlow that trains: install, info"],
  ["score", "score captions against references: CIDEr-D, BLEU-1 to 4, ROUGE-L"],
  ["caption", "caption image files with a model"],
  ["model", "count, fetch and merge models: info, fetch, merge"],
  ["demo-set", "draw a captioned data set"],
] as const;

/**
 * Adds the commands that the worker's own command line reads, answers and explains (`--help`): their
 * options are defined there only.
 */
export function registerWorkerCommands(program: Command, worker: WorkerProcess): void {
  for (const [name, description] of WORKER_COMMANDS) {
    program
      .command(`${name} [words...]`)
      .description(description)
      .allowUnknownOption()
      .helpOption(false)
      .action(async (words: string[]) => {
        process.exitCode = await worker.run([name, ...words]);
      });
  }
}
