import { randomBytes } from "node:crypto";
import {
  closeSync,
  fsyncSync,
  linkSync,
  openSync,
  readFileSync,
  renameSync,
  rmSync,
  unlinkSync,
  writeFileSync,
} from "node:fs";
import path from "node:path";
import { errorCode } from "./error-code.ts";

/** Tells the temporary files of all processes apart, on whichever hosts they are. */
const PROCESS = `${process.pid}.${randomBytes(8).toString("hex")}`;
let written = 0;

export interface WriteOptions {
  /** Permission bits of a new file. */
  mode?: number;
}

/**
 * Writes a whole file so that readers and a crash see the old content or the new, never a part:
 * temporary name, fsync, close, rename, fsync of the directory. Over NFS a full quota shows at
 * fsync or close, and both are checked. Errors leave no temporary file.
 */
export function writeFileDurably(file: string, content: string, options: WriteOptions = {}): void {
  const temporary = writeTemporary(file, content, options);
  try {
    renameSync(temporary, file);
  } catch (error) {
    rmSync(temporary, { force: true });
    throw error;
  }
  syncDirectory(path.dirname(file));
}

/**
 * Creates a file that must not exist yet, whole or not at all: of any number of callers on any
 * number of hosts exactly one succeeds. Returns false if the name was taken.
 */
export function createFileDurably(
  file: string,
  content: string,
  options: WriteOptions = {},
): boolean {
  const temporary = writeTemporary(file, content, options);
  try {
    return linkOnce(temporary, file);
  } finally {
    unlinkSync(temporary);
  }
}

/**
 * Claims what a file stands for. True only if the file, read back, holds our own content, which
 * must be unlike anyone's, by a nonce: over NFS a lost answer makes both "linked" and "name taken"
 * unreliable.
 */
export function claimDurably(file: string, content: string, options: WriteOptions = {}): boolean {
  createFileDurably(file, content, options);
  try {
    return readFileSync(file, "utf8") === content;
  } catch (error) {
    if (errorCode(error) === "ENOENT") return false;
    throw error;
  }
}

/** Gives a finished file a second name, once. Returns false if the name was taken. */
export function linkOnce(source: string, target: string): boolean {
  try {
    linkSync(source, target);
  } catch (error) {
    if (errorCode(error) === "EEXIST") return false;
    throw error;
  }
  syncDirectory(path.dirname(target));
  return true;
}

/** Removes a file that harms nobody where it cannot be removed. */
export function removeIfPossible(file: string): void {
  try {
    rmSync(file, { force: true });
  } catch (error) {
    if (errorCode(error) === undefined) throw error;
  }
}

/** Makes the names in a directory durable. */
export function syncDirectory(directory: string): void {
  const descriptor = openSync(directory, "r");
  try {
    fsyncSync(descriptor);
  } finally {
    closeSync(descriptor);
  }
}

function writeTemporary(file: string, content: string, { mode = 0o644 }: WriteOptions): string {
  written += 1;
  const temporary = `${file}.${PROCESS}.${written}.tmp`;
  const descriptor = openSync(temporary, "wx", mode);
  try {
    writeFileSync(descriptor, content);
    fsyncSync(descriptor);
    closeSync(descriptor);
  } catch (error) {
    rmSync(temporary, { force: true });
    throw error;
  }
  return temporary;
}
