import type { Duplex, Readable, Writable } from "node:stream";

/** How a remote command ended, by the word of the remote shell itself. */
export interface CommandResult {
  /** Exit status as shells say it: 128 + n where signal n ended the last command. */
  status: number;
  stdout: string;
  stderr: string;
}

export interface RunOptions {
  stdin?: string | Buffer | Readable;
  /** After so long without an end: Failure `ssh-lost`; the command may still be running. */
  timeoutSeconds?: number;
  /** More on stdout or stderr than this is refused with Failure `file-invalid`. */
  maxBytes?: number;
}

/** What a remote program writes is read here, and what is written here it reads. */
export interface RemoteStream extends Duplex {
  readonly stderr: Readable;
}

export interface UploadOptions {
  /** Permission bits of the file. */
  mode?: number;
  /** Called with how many bytes have been written so far. */
  onProgress?: (bytes: number) => void;
}

export interface DownloadOptions {
  /** Where in the remote file to begin, in bytes. */
  offset?: number;
  /** Called with how many bytes have come so far, without those before the offset. */
  onProgress?: (bytes: number) => void;
}

/**
 * A machine that commands are run on: one connection, authenticated once. When it is lost every
 * call throws Failure `ssh-lost`: whether a remote command took effect is then unknown.
 */
export interface RemoteHost {
  /** Who the commands run as. */
  readonly user: string;
  /** The machine by the name that the user gave it. */
  readonly name: string;
  /** The machines on the way there, in their order. */
  readonly through: readonly string[];
  /**
   * Runs a POSIX shell text, whatever the user's login shell is, and returns how it ended. Build
   * the text with `shellLine`. Without `stdin` the script reads end of file.
   */
  run(script: string, options?: RunOptions): Promise<CommandResult>;
  /**
   * Starts a POSIX shell text and returns its streams as soon as it runs. An end that this side did
   * not ask for is the stream's error, Failure `ssh-lost`. `exec` the program for its signals.
   */
  stream(script: string): Promise<RemoteStream>;
  /** Writes a remote file whole or not at all, over one that was there. */
  upload(source: string | Readable, remotePath: string, options?: UploadOptions): Promise<void>;
  /** Writes a remote file's bytes from the offset on, and ends the target. */
  download(remotePath: string, target: Writable, options?: DownloadOptions): Promise<void>;
  /** The file whole; null where there is none. Failure `file-invalid` above the limit. */
  readFile(remotePath: string, maxBytes: number): Promise<Buffer | null>;
  /** Ends the connection and all that runs over it; safe to repeat. */
  close(): Promise<void>;
}
