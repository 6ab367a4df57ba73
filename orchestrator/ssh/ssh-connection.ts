import { randomBytes } from "node:crypto";
import { once, setMaxListeners } from "node:events";
import type { Readable, Writable } from "node:stream";
import type { Client, ClientChannel, SFTPWrapper } from "ssh2";
import { Failure } from "../../worker/contract/failure.ts";
import type {
  CommandResult,
  DownloadOptions,
  RemoteHost,
  RemoteStream,
  RunOptions,
  UploadOptions,
} from "../ports/remote-host.ts";
import { Channels } from "./channels.ts";
import { downloadFile, readRemoteFile, uploadFile } from "./file-transfer.ts";
import { connectHop, type Hop } from "./hop.ts";
import type { HostSettings } from "./host-settings.ts";
import { KeyRing } from "./key-ring.ts";
import type { Prompter } from "./prompter.ts";
import { runCommandLine, streamCommandLine } from "./remote-command.ts";
import { startedProgram } from "./remote-program.ts";
import { commandResult } from "./remote-run.ts";
import { errorText, lost } from "./ssh-failures.ts";

/** How long the other side may take to say goodbye. */
const CLOSE_SECONDS = 3;

export interface SshOptions {
  prompter: Prompter;
  /** Told, in a line, what may interest the user while they wait. */
  note: (line: string) => void;
}

/**
 * Connects to a machine, through its jump hosts, and authenticates once at each. Throws Failure
 * `ssh-unreachable`, `ssh-host-key` or `ssh-authentication`, which name the machine at fault.
 */
export async function openSsh(
  settings: HostSettings,
  { prompter, note }: SshOptions,
): Promise<SshConnection> {
  const hops: Hop[] = [];
  const keyRing = new KeyRing(prompter);
  try {
    for (const [index, next] of [...settings.jumps, settings].entries()) {
      const before = hops.at(-1);
      const via = settings.jumps[index - 1];
      if (via !== undefined) note(`connecting to ${next.name} through ${via.name}`);
      const through =
        before === undefined || via === undefined
          ? null
          : { name: via.name, open: () => openForward(before.client, next) };
      hops.push(await connectHop({ settings: next, prompter, keyRing, through }));
    }
    return new SshConnection(settings, hops);
  } catch (error) {
    for (const { client } of hops) client.destroy();
    throw error;
  }
}

function openForward(client: Client, { host, port }: HostSettings): Promise<ClientChannel> {
  return new Promise((resolve, reject) => {
    client.forwardOut("127.0.0.1", 0, host, port, (error, channel) => {
      if (error) reject(error);
      else resolve(channel);
    });
  });
}

/** A machine over one authenticated connection; see `RemoteHost` for what its methods guarantee. */
export class SshConnection implements RemoteHost {
  readonly name: string;
  readonly user: string;
  readonly through: readonly string[];
  readonly #client: Client;
  /** The last is the machine itself. */
  readonly #hops: readonly Hop[];
  readonly #channels: Channels;
  /** Aborted with the Failure that says how the connection ended. */
  readonly #ended = new AbortController();
  #closing = false;
  #error: Error | null = null;

  constructor(settings: HostSettings, hops: readonly Hop[]) {
    const last = hops.at(-1);
    if (last === undefined) throw new Error("a connection has a hop");
    this.name = settings.name;
    this.user = settings.user;
    this.through = settings.jumps.map(({ name }) => name);
    this.#client = last.client;
    this.#hops = hops;
    this.#channels = new Channels(settings.name);
    // Every run, stream and transfer under way waits for the end of the connection.
    setMaxListeners(0, this.#ended.signal);
    for (const { client } of hops) client.on("error", (error) => (this.#error ??= error));
    void last.closed.then(() => this.#end());
  }

  async run(script: string, options: RunOptions = {}): Promise<CommandResult> {
    const nonce = newNonce();
    const channel = await this.#exec(runCommandLine({ script, nonce }), { lasting: false });
    const { signal } = this.#ended;
    return commandResult(channel, { ...options, nonce, name: this.name, signal });
  }

  async stream(script: string): Promise<RemoteStream> {
    const nonce = newNonce();
    const channel = await this.#exec(streamCommandLine({ script, nonce }), { lasting: true });
    const { signal } = this.#ended;
    return startedProgram(channel, { nonce, name: this.name, signal });
  }

  upload(
    source: string | Readable,
    remotePath: string,
    options: UploadOptions = {},
  ): Promise<void> {
    return this.#transfer((sftp) => uploadFile(sftp, { ...options, source, remotePath }));
  }

  download(remotePath: string, target: Writable, options: DownloadOptions = {}): Promise<void> {
    return this.#transfer((sftp) => downloadFile(sftp, { ...options, remotePath, target }));
  }

  readFile(remotePath: string, maxBytes: number): Promise<Buffer | null> {
    return this.#transfer((sftp) => readRemoteFile(sftp, { remotePath, maxBytes }));
  }

  async close(): Promise<void> {
    this.#closing = true;
    for (const hop of this.#hops.toReversed()) await endHop(hop);
  }

  async #exec(commandLine: string, { lasting }: { lasting: boolean }): Promise<ClientChannel> {
    const open = () =>
      new Promise<ClientChannel>((resolve, reject) => {
        this.#client.exec(commandLine, (error, channel) => {
          if (error) reject(error);
          else resolve(channel);
        });
      });
    const { channel } = await this.#open(open, { lasting });
    return channel;
  }

  /** Has a file-transfer session of its own for the time of `use`. */
  async #transfer<T>(use: (sftp: SFTPWrapper) => Promise<T>): Promise<T> {
    const open = () =>
      new Promise<SFTPWrapper>((resolve, reject) => {
        this.#client.sftp((error, sftp) => {
          if (error) reject(error);
          else resolve(sftp);
        });
      });
    const { channel } = await this.#open(open, { lasting: false });
    try {
      return await unlessAborted(use(channel), this.#ended.signal);
    } finally {
      channel.end();
    }
  }

  async #open<T extends SFTPWrapper | ClientChannel>(
    open: () => Promise<T>,
    { lasting }: { lasting: boolean },
  ): Promise<{ channel: T }> {
    try {
      this.#ended.signal.throwIfAborted();
      const { channel, release } = await this.#channels.open(open, { lasting });
      channel.once("close", release);
      return { channel };
    } catch (error) {
      this.#ended.signal.throwIfAborted();
      if (error instanceof Failure) throw error;
      if (/Not connected|No response from server/.test(errorText(error))) {
        throw lost(this.name, "the connection was lost", error);
      }
      throw new Failure({
        reason: "ssh-unreachable",
        message: `${this.name}: the server runs no command for us (${errorText(error)})`,
        remedy: `check that commands and sftp are allowed: ssh ${this.name} true`,
        cause: error,
      });
    }
  }

  #end(): void {
    const why = this.#error === null ? "" : ` (${errorText(this.#error)})`;
    const what = this.#closing ? "the connection was closed" : `the connection was lost${why}`;
    this.#ended.abort(lost(this.name, what, this.#error ?? undefined));
    for (const { client } of this.#hops) client.end();
  }
}

/** Ends a connection, and destroys it where the other side does not answer. */
async function endHop({ client, closed }: Hop): Promise<void> {
  const timer = setTimeout(() => client.destroy(), CLOSE_SECONDS * 1000);
  client.end();
  await closed;
  clearTimeout(timer);
}

/** The promise's value, or the signal's reason as soon as that is aborted. */
async function unlessAborted<T>(promise: Promise<T>, signal: AbortSignal): Promise<T> {
  const over = new AbortController();
  const aborted = once(signal, "abort", { signal: over.signal }).then(() => {
    throw signal.reason;
  });
  // Whoever loses the race must not be an unhandled rejection.
  aborted.catch(() => {});
  promise.catch(() => {});
  try {
    return await Promise.race([promise, aborted]);
  } finally {
    over.abort();
  }
}

/** Unguessable, so that no output can be taken for a marker. */
function newNonce(): string {
  return randomBytes(16).toString("hex");
}
