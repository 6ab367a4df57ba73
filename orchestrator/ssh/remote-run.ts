import { Readable } from "node:stream";
import { pipeline } from "node:stream/promises";
import type { ClientChannel } from "ssh2";
import { Failure } from "../../worker/contract/failure.ts";
import type { CommandResult, RunOptions } from "../ports/remote-host.ts";
import { betweenMarkers, endPattern } from "./remote-command.ts";
import { lost } from "./ssh-failures.ts";

const MAX_BYTES = 16 * 1024 * 1024;
const TIMEOUT_SECONDS = 120;
/** Room for the markers, and for what a login shell prints before them. */
const MARGIN_BYTES = 64 * 1024;
/** Longer than an end marker, so that one is found that came in two pieces. */
const TAIL_BYTES = 128;

export interface RunningCommand extends RunOptions {
  /** As given to `runCommandLine`. */
  nonce: string;
  /** The machine's name, for messages. */
  name: string;
  /** Aborted, with a Failure as its reason, when the connection ends. */
  signal: AbortSignal;
}

/**
 * Waits for the end of a command that `runCommandLine` started. Only the remote shell's own word
 * counts as its end: without it, Failure `ssh-lost`.
 */
export async function commandResult(
  channel: ClientChannel,
  { nonce, name, signal, stdin, timeoutSeconds, maxBytes }: RunningCommand,
): Promise<CommandResult> {
  const limit = maxBytes ?? MAX_BYTES;
  const seconds = timeoutSeconds ?? TIMEOUT_SECONDS;
  const stdout = new Output(nonce, limit);
  const stderr = new Output(nonce, limit);
  const over = new AbortController();
  let timer: NodeJS.Timeout | undefined;
  try {
    return await new Promise<CommandResult>((resolve, reject) => {
      const read = (output: Output) => (bytes: Buffer) => {
        if (!output.take(bytes)) return reject(tooMuch(name, limit));
        const out = stdout.whole();
        const errors = stderr.whole();
        if (out === null || errors === null) return;
        resolve({
          status: out.status,
          stdout: out.bytes.toString(),
          stderr: errors.bytes.toString(),
        });
      };
      channel.on("data", read(stdout));
      channel.stderr.on("data", read(stderr));
      channel.on("close", () => reject(lost(name, `a command did not end${stderr.lastLine()}`)));
      signal.addEventListener("abort", () => reject(signal.reason), { signal: over.signal });
      if (signal.aborted) reject(signal.reason);
      const late = () => reject(lost(name, `a command took longer than ${seconds} s`));
      timer = setTimeout(late, seconds * 1000);
      feed(channel, stdin, over.signal).catch(reject);
    });
  } finally {
    clearTimeout(timer);
    over.abort();
    channel.removeAllListeners("data").resume();
    channel.stderr.removeAllListeners("data").resume();
    channel.close();
  }
}

function tooMuch(name: string, limit: number): Failure {
  return new Failure({
    reason: "file-invalid",
    message: `${name}: a command printed more than ${limit} bytes`,
    remedy: "look at what it prints on that machine",
  });
}

async function feed(
  channel: ClientChannel,
  stdin: string | Buffer | Readable | undefined,
  signal: AbortSignal,
): Promise<void> {
  if (stdin instanceof Readable) await pipeline(stdin, channel, { signal });
  else channel.end(stdin);
}

/** What came on one output so far, of bounded size. */
class Output {
  readonly #nonce: string;
  readonly #limit: number;
  readonly #chunks: Buffer[] = [];
  #bytes = 0;
  #tail = "";
  #ended = false;

  constructor(nonce: string, limit: number) {
    this.#nonce = nonce;
    this.#limit = limit;
  }

  /** False when it is more than is allowed. */
  take(chunk: Buffer): boolean {
    this.#bytes += chunk.length;
    if (this.#bytes > this.#limit + MARGIN_BYTES) return false;
    this.#chunks.push(chunk);
    const seen = this.#tail + chunk.toString("latin1");
    this.#ended ||= endPattern(this.#nonce).test(seen);
    this.#tail = seen.slice(-TAIL_BYTES);
    return true;
  }

  /** The command's own output and its status, once its end marker is there. */
  whole(): { bytes: Buffer; status: number } | null {
    return this.#ended ? betweenMarkers(Buffer.concat(this.#chunks), this.#nonce) : null;
  }

  /** The last line, for a message, or nothing. */
  lastLine(): string {
    const line = Buffer.concat(this.#chunks).toString().trim().split("\n").at(-1) ?? "";
    return line === "" ? "" : ` (${line.slice(0, 200)})`;
  }
}
