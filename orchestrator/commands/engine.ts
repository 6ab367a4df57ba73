import type { Command } from "commander";
import type { WorkerProcess } from "../ports/worker-process.ts";

/**
 * Adds `engine …`, which the worker's own command line reads, answers and explains (`--help`): its
 * options are defined there only.
 */
export function registerEngineCommand(program: Command, worker: WorkerProcess): void {
  program
    .command("engine [words...]")
    .description("install or describe the TensorFlow that trains: install, info")
    .allowUnknownOption()
    .helpOption(false)
    .action(async (words: string[]) => {
      process.exitCode = await worker.run(["engine", ...words]);
    });
}
