import { Duplex, type Readable } from "node:stream";
import type { ClientChannel } from "ssh2";
import type { RemoteStream } from "../ports/remote-host.ts";
import { beginMarker } from "./remote-command.ts";
import { lost } from "./ssh-failures.ts";

/** So much noise of a login shell is read over before the program is given up. */
const NOISE_BYTES = 1024 * 1024;
const BEGIN_SECONDS = 60;

export interface StartedProgram {
  /** As given to `streamCommandLine`. */
  nonce: string;
  /** The machine's name, for messages. */
  name: string;
  /** Aborted, with a Failure as its reason, when the connection ends. */
  signal: AbortSignal;
}

/**
 * Waits until a program that `streamCommandLine` started runs, and returns its streams; what a
 * login shell printed before is dropped. Throws Failure `ssh-lost` when it does not begin.
 */
export async function startedProgram(
  channel: ClientChannel,
  { nonce, name, signal }: StartedProgram,
): Promise<RemoteStream> {
  const over = new AbortController();
  let timer: NodeJS.Timeout | undefined;
  try {
    await new Promise<void>((resolve, reject) => {
      const notBegun = () => reject(lost(name, "a program did not begin"));
      channel.on("close", notBegun);
      signal.addEventListener("abort", () => reject(signal.reason), { signal: over.signal });
      timer = setTimeout(notBegun, BEGIN_SECONDS * 1000);
      Promise.all([channel, channel.stderr].map((output) => begun(output, nonce))).then(
        () => resolve(),
        reject,
      );
    });
    return new RemoteProgram(channel, { name, signal });
  } catch (error) {
    channel.resume().close();
    throw error;
  } finally {
    clearTimeout(timer);
    over.abort();
  }
}

/** Reads an output up to the begin marker; what follows is left to be read. */
function begun(output: Readable, nonce: string): Promise<void> {
  const marker = beginMarker(nonce);
  let seen: Buffer = Buffer.alloc(0);
  return new Promise((resolve, reject) => {
    const read = (bytes: Buffer) => {
      seen = Buffer.concat([seen, bytes]);
      const at = seen.indexOf(marker);
      if (at === -1) {
        if (seen.length > NOISE_BYTES) reject(new Error("a login shell printed too much"));
        return;
      }
      output.off("data", read).pause();
      const rest = seen.subarray(at + marker.length);
      if (rest.length > 0) output.unshift(rest);
      resolve();
    };
    output.on("data", read);
  });
}

/** The two outputs and the input of a remote program; an end not asked for is its error. */
class RemoteProgram extends Duplex implements RemoteStream {
  readonly stderr: Readable;
  readonly #channel: ClientChannel;

  constructor(channel: ClientChannel, { name, signal }: { name: string; signal: AbortSignal }) {
    super();
    this.#channel = channel;
    this.stderr = channel.stderr;
    channel.on("data", (bytes: Buffer) => {
      if (!this.push(bytes)) channel.pause();
    });
    channel.on("close", (status?: number | null) => {
      if (this.writableEnded) this.push(null);
      else this.destroy(lost(name, `a program ended by itself${statusText(status)}`));
    });
    const lose = () => this.destroy(signal.reason);
    signal.addEventListener("abort", lose, { once: true });
    this.once("close", () => signal.removeEventListener("abort", lose));
    channel.pause();
  }

  override _read(): void {
    this.#channel.resume();
  }

  override _write(bytes: Buffer, _encoding: string, done: (error?: Error | null) => void): void {
    this.#channel.write(bytes, done);
  }

  override _final(done: (error?: Error | null) => void): void {
    this.#channel.end();
    done();
  }

  override _destroy(error: Error | null, done: (error?: Error | null) => void): void {
    this.#channel.resume();
    this.#channel.close();
    done(error);
  }
}

/** A signal leaves null, a lost connection nothing. */
function statusText(status: number | null | undefined): string {
  return typeof status === "number" ? ` with status ${status}` : "";
}
