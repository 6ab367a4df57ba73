import { spawn } from "node:child_process";
import { constants } from "node:os";
import { fileURLToPath } from "node:url";
import type { WorkerProcess } from "../ports/worker-process.ts";

/** Signals that end this process: handed on, and the end left to the child. */
const ENDING = ["SIGINT", "SIGTERM", "SIGHUP"] as const;

/** Runs the built `worker/cli.ts` on this machine. */
export class LocalWorkerProcess implements WorkerProcess {
  readonly #cli = fileURLToPath(new URL("../../worker/cli.js", import.meta.url));

  async run(commandLine: string[]): Promise<number> {
    const child = spawn(process.execPath, [this.#cli, ...commandLine], { stdio: "inherit" });
    const forward = (signal: NodeJS.Signals) => void child.kill(signal);
    for (const signal of ENDING) process.on(signal, forward);
    try {
      return await new Promise<number>((resolve, reject) => {
        child.on("error", reject);
        child.on("exit", (status, signal) => {
          resolve(status ?? 128 + (signal === null ? 0 : constants.signals[signal]));
        });
      });
    } finally {
      for (const signal of ENDING) process.off(signal, forward);
    }
  }
}
