import { randomBytes } from "node:crypto";
import { createReadStream } from "node:fs";
import { Readable, type Writable } from "node:stream";
import { pipeline } from "node:stream/promises";
import type { SFTPWrapper } from "ssh2";
import { Failure } from "../../worker/contract/failure.ts";
import { errorCode } from "../../worker/files/error-code.ts";
import type { DownloadOptions, UploadOptions } from "../ports/remote-host.ts";
import { errorText } from "./ssh-failures.ts";

const NEW_FILE_MODE = 0o644;
/** What every server takes as one request, and how many may be under way: 2 MiB for a far line. */
const REQUEST_BYTES = 32 * 1024;
const REQUESTS_AT_ONCE = 64;

/** Answers of servers, by the SFTP protocol. */
const NO_SUCH_FILE = 2;
const SAID: Record<number, string> = {
  [NO_SUCH_FILE]: "no such file or directory",
  3: "permission denied",
  4: "the server failed, as it does for a full disk or quota",
};

export interface Upload extends UploadOptions {
  /** A local file, or its bytes. */
  source: string | Readable;
  remotePath: string;
}

/**
 * Writes a remote file under a temporary name in the same directory, has it on disk, and renames it
 * over the one that was there. Errors leave no temporary file, unless the connection is lost.
 */
export async function uploadFile(
  sftp: SFTPWrapper,
  { source, remotePath, mode = NEW_FILE_MODE, onProgress }: Upload,
): Promise<void> {
  const temporary = `${remotePath}.${randomBytes(6).toString("hex")}.part`;
  const bytes = typeof source === "string" ? createReadStream(source) : source;
  await transferring(`writing ${remotePath}`, async () => {
    const handle = await answer<Buffer>((done) => sftp.open(temporary, "wx", mode, done));
    try {
      await writeAll(sftp, { handle, bytes, onProgress });
      // The server's umask has taken bits from those the file was created with.
      await finished((done) => sftp.fchmod(handle, mode, done));
      await finished((done) => sftp.ext_openssh_fsync(handle, done));
      await finished((done) => sftp.close(handle, done));
      await finished((done) => sftp.ext_openssh_rename(temporary, remotePath, done));
    } catch (error) {
      await finished((done) => sftp.unlink(temporary, done)).catch(() => {});
      throw error;
    }
  });
}

interface Writing {
  handle: Buffer;
  bytes: Readable;
  onProgress: ((bytes: number) => void) | undefined;
}

async function writeAll(sftp: SFTPWrapper, { handle, bytes, onProgress }: Writing): Promise<void> {
  const underWay: Promise<number>[] = [];
  let position = 0;
  let written = 0;
  const oneDone = async () => {
    written += (await underWay.shift()) ?? 0;
    onProgress?.(written);
  };
  for await (const chunk of bytes) {
    const block = Buffer.from(chunk);
    for (let at = 0; at < block.length; at += REQUEST_BYTES) {
      const length = Math.min(REQUEST_BYTES, block.length - at);
      const [offset, start] = [at, position];
      const request = finished((done) => sftp.write(handle, block, offset, length, start, done));
      const size = request.then(() => length);
      // Those behind one that failed are not waited for.
      size.catch(() => {});
      underWay.push(size);
      position += length;
      if (underWay.length >= REQUESTS_AT_ONCE) await oneDone();
    }
  }
  while (underWay.length > 0) await oneDone();
}

export interface Download extends DownloadOptions {
  remotePath: string;
  target: Writable;
}

/** Writes a remote file's bytes from the offset on, as it is now, and ends the target. */
export async function downloadFile(
  sftp: SFTPWrapper,
  { remotePath, target, offset = 0, onProgress }: Download,
): Promise<void> {
  await transferring(`reading ${remotePath}`, async () => {
    const handle = await answer<Buffer>((done) => sftp.open(remotePath, "r", done));
    try {
      const { size } = await answer<{ size: number }>((done) => sftp.fstat(handle, done));
      const blocks = blocksOf(sftp, { handle, start: offset, end: size });
      await pipeline(Readable.from(counted(blocks, onProgress)), target);
    } finally {
      await finished((done) => sftp.close(handle, done)).catch(() => {});
    }
  });
}

/** A remote file whole; null where there is none. Failure `file-invalid` above the limit. */
export async function readRemoteFile(
  sftp: SFTPWrapper,
  { remotePath, maxBytes }: { remotePath: string; maxBytes: number },
): Promise<Buffer | null> {
  return transferring(`reading ${remotePath}`, async () => {
    try {
      const handle = await answer<Buffer>((done) => sftp.open(remotePath, "r", done));
      const { size } = await answer<{ size: number }>((done) => sftp.fstat(handle, done));
      if (size > maxBytes) throw tooLong({ remotePath, size, maxBytes });
      const blocks: Buffer[] = [];
      for await (const block of blocksOf(sftp, { handle, start: 0, end: size })) blocks.push(block);
      return Buffer.concat(blocks);
    } catch (error) {
      if (errorCode(error) === NO_SUCH_FILE) return null;
      throw error;
    }
  });
}

/** The bytes of a stretch of a file, in order; several requests are under way at a time. */
async function* blocksOf(
  sftp: SFTPWrapper,
  { handle, start, end }: { handle: Buffer; start: number; end: number },
): AsyncGenerator<Buffer> {
  const underWay: Promise<Buffer>[] = [];
  for (let at = start; at < end || underWay.length > 0;) {
    while (at < end && underWay.length < REQUESTS_AT_ONCE) {
      const block = readBlock(sftp, { handle, start: at, end: Math.min(at + REQUEST_BYTES, end) });
      block.catch(() => {});
      underWay.push(block);
      at += REQUEST_BYTES;
    }
    const block = await underWay.shift();
    if (block !== undefined) yield block;
  }
}

/** A server may answer with less than it was asked for. */
async function readBlock(
  sftp: SFTPWrapper,
  { handle, start, end }: { handle: Buffer; start: number; end: number },
): Promise<Buffer> {
  const block = Buffer.alloc(end - start);
  for (let have = 0; have < block.length;) {
    const length = block.length - have;
    const [offset, position] = [have, start + have];
    const count = await answer<number>((done) =>
      sftp.read(handle, block, offset, length, position, done),
    );
    if (count === 0) throw new Error("the file became shorter while it was read");
    have += count;
  }
  return block;
}

async function* counted(
  blocks: AsyncIterable<Buffer>,
  onProgress: ((bytes: number) => void) | undefined,
): AsyncGenerator<Buffer> {
  let count = 0;
  for await (const block of blocks) {
    yield block;
    count += block.length;
    onProgress?.(count);
  }
}

/** What a server's answer comes as: an error, or a value where there is one. */
type Answered<T> = (error: Error | null | undefined, value: T) => void;

function finished(ask: (done: (error?: Error | null) => void) => void): Promise<void> {
  return answer<void>((done) => ask((error) => done(error, undefined)));
}

function answer<T>(ask: (done: Answered<T>) => void): Promise<T> {
  return new Promise((resolve, reject) => {
    ask((error, value) => {
      if (error) reject(error);
      else resolve(value);
    });
  });
}

/** Turns the server's refusals into Failures; errors of this machine's files stay as they are. */
async function transferring<T>(what: string, transfer: () => Promise<T>): Promise<T> {
  try {
    return await transfer();
  } catch (error) {
    const code = errorCode(error);
    if (error instanceof Failure || typeof code === "string") throw error;
    const said = (typeof code === "number" ? SAID[code] : undefined) ?? errorText(error);
    throw new Failure({
      reason: "file-invalid",
      message: `${what}: ${said}`,
      remedy: "check the directory on the cluster: that it exists, is yours and has room",
      cause: error,
    });
  }
}

function tooLong(file: { remotePath: string; size: number; maxBytes: number }): Failure {
  return new Failure({
    reason: "file-invalid",
    message: `${file.remotePath} has ${file.size} bytes, of ${file.maxBytes} allowed`,
    remedy: "look at the file: it is not what qsweep wrote",
  });
}
