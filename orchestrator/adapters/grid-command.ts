import { spawn } from "node:child_process";
import { errorCode } from "../../worker/files/error-code.ts";
import type { CommandResult } from "../ports/remote-host.ts";
import { unreachable } from "../sge/grid-failure.ts";

/** Runs a program with these words and says how it ended; a signal n counts as 128 + n. */
export type CommandRunner = (argv: readonly [string, ...string[]]) => Promise<CommandResult>;

/** Some of Grid Engine's commands hang for ever when the qmaster does. */
const TIMEOUT_SECONDS = 75;
const MOST_BYTES = 64 * 1024 * 1024;
const KILLED = 137;

/**
 * Runs Grid Engine's commands on this host, each a session of its own: an interrupt on a terminal
 * does not cut a qsub short. One that does not end is killed: Failure `scheduler-unreachable`.
 */
export function gridCommands(environment: Readonly<Record<string, string>> = {}): CommandRunner {
  const env = { ...process.env, ...environment, LC_ALL: "C" };
  return ([program, ...words]) =>
    new Promise((resolve, reject) => {
      const child = spawn(program, words, {
        env,
        detached: true,
        stdio: ["ignore", "pipe", "pipe"],
      });
      const stop = (why: string): void => {
        if (child.pid !== undefined) process.kill(-child.pid, "SIGKILL");
        reject(unreachable(`${program} ${why}`));
      };
      const timer = setTimeout(
        () => stop(`gave no answer within ${TIMEOUT_SECONDS} s`),
        TIMEOUT_SECONDS * 1000,
      );
      const printed = { stdout: "", stderr: "" };
      for (const stream of ["stdout", "stderr"] as const) {
        child[stream].setEncoding("utf8").on("data", (text: string) => {
          printed[stream] += text;
          if (printed[stream].length > MOST_BYTES) stop(`printed more than ${MOST_BYTES} bytes`);
        });
      }
      child.on("error", (error) => {
        clearTimeout(timer);
        if (errorCode(error) !== "ENOENT") return reject(error);
        resolve({ status: 127, stdout: "", stderr: `${program}: command not found` });
      });
      child.on("close", (status) => {
        clearTimeout(timer);
        resolve({ status: status ?? KILLED, ...printed });
      });
    });
}
