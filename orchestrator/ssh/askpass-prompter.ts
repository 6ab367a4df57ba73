import { execFile } from "node:child_process";
import type { Prompter } from "./prompter.ts";

const ANSWER_BYTES = 4096;

/**
 * Asks a program, as OpenSSH does with SSH_ASKPASS: the question is its argument, the first line
 * that it prints the answer. A status other than 0 is a refusal to answer.
 */
export function askpassPrompter(program: string): Prompter {
  return {
    isTerminal: true,
    ask: ({ prompt, signal }) =>
      new Promise((resolve) => {
        const options = { signal, maxBuffer: ANSWER_BYTES };
        execFile(program, [prompt], options, (error, stdout) => {
          resolve(error === null ? (stdout.split(/\r?\n/)[0] ?? "") : null);
        });
      }),
  };
}
