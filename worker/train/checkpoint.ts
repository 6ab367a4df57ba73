import { randomBytes } from "node:crypto";
import { existsSync } from "node:fs";
import { mkdir, open, readdir, readFile, rename, rm, stat } from "node:fs/promises";
import path from "node:path";
import { Failure } from "../contract/failure.ts";
import { CheckpointManifest } from "../contract/trial-files.ts";
import { syncDirectory, writeFileDurably } from "../files/durable-write.ts";
import { fileDigest } from "../files/file-digest.ts";
import { isDiskFull } from "./attempt-failure.ts";

const MANIFEST = "manifest.json";
const MAX_MANIFEST_BYTES = 16 * 2 ** 20;

type FileTable = CheckpointManifest["files"];

export interface WriteCheckpointOptions {
  /** The attempt's `checkpoints` directory; created when missing. */
  parent: string;
  name: string;
  /** Everything but the table of files, which is made here. */
  manifest: Omit<CheckpointManifest, "version" | "files">;
  /** Writes the checkpoint's files, without subdirectories, into an empty directory. */
  fill: (directory: string) => Promise<void>;
}

/**
 * Writes a checkpoint whole or not at all: files into a temporary directory, each synced, then the
 * manifest with their sizes and digests, then one rename. Other checkpoints are never touched.
 * Throws Failure `disk-full`; the temporary directory is removed on any error.
 */
export async function writeCheckpoint(
  options: WriteCheckpointOptions,
): Promise<{ directory: string; bytes: number }> {
  const { parent, name, manifest, fill } = options;
  const directory = path.join(parent, name);
  await mkdir(parent, { recursive: true });
  // Not mkdtemp: a checkpoint has the permissions of the user's umask, for a group to read.
  const temporary = path.join(parent, `.${name}.${randomBytes(4).toString("hex")}`);
  await mkdir(temporary);
  try {
    await fill(temporary);
    const files = await syncedFiles(temporary);
    const complete: CheckpointManifest = { version: 1, ...manifest, files };
    writeFileDurably(path.join(temporary, MANIFEST), `${JSON.stringify(complete, null, 2)}\n`);
    syncDirectory(temporary);
    await rename(temporary, directory);
    syncDirectory(parent);
    const bytes = Object.values(files).reduce((sum, file) => sum + file.bytes, 0);
    return { directory, bytes };
  } catch (error) {
    await rm(temporary, { recursive: true, force: true });
    if (!isDiskFull(error)) throw error;
    throw new Failure({
      reason: "disk-full",
      message: `no space left to write the checkpoint ${directory}`,
      remedy: "free space or quota there, then retry the trial: it continues from the one before",
      cause: error,
    });
  }
}

/**
 * Reads the manifest of a checkpoint and compares every file with it, by size and SHA-256.
 * Throws Failure `file-invalid` that says what is wrong.
 */
export async function verifyCheckpoint(directory: string): Promise<CheckpointManifest> {
  const manifest = await readManifest(directory);
  for (const [name, expected] of Object.entries(manifest.files)) {
    const sha256 = await fileDigest(path.join(directory, name));
    if (sha256 !== expected.sha256) throw damaged(directory, `${name} is damaged`);
  }
  return manifest;
}

/**
 * Reads the manifest of a checkpoint and compares the sizes of its files with it.
 * Throws Failure `file-invalid` that says what is wrong.
 */
export async function readManifest(directory: string): Promise<CheckpointManifest> {
  const file = path.join(directory, MANIFEST);
  if (!existsSync(file)) throw damaged(directory, `${MANIFEST} is missing`);
  if ((await stat(file)).size > MAX_MANIFEST_BYTES)
    throw damaged(directory, `${MANIFEST} too long`);
  const manifest = parsedManifest(await readFile(file, "utf8"));
  if (manifest === null) throw damaged(directory, `${MANIFEST} is unreadable`);
  for (const [name, expected] of Object.entries(manifest.files)) {
    if (path.basename(name) !== name) throw damaged(directory, `${name} is no plain file name`);
    const bytes = await stat(path.join(directory, name)).then(
      (found) => found.size,
      () => null,
    );
    if (bytes === null) throw damaged(directory, `${name} is missing`);
    if (bytes !== expected.bytes) {
      throw damaged(directory, `${name} has ${bytes} bytes, not ${expected.bytes}`);
    }
  }
  return manifest;
}

function parsedManifest(text: string): CheckpointManifest | null {
  try {
    return CheckpointManifest.safeParse(JSON.parse(text)).data ?? null;
  } catch {
    return null;
  }
}

/** Brings every file to the disk, so that the manifest never names bytes that a crash can lose. */
async function syncedFiles(directory: string): Promise<FileTable> {
  const files: FileTable = {};
  for (const name of (await readdir(directory)).toSorted()) {
    const file = path.join(directory, name);
    const handle = await open(file, "r");
    try {
      await handle.sync();
    } finally {
      await handle.close();
    }
    files[name] = { bytes: (await stat(file)).size, sha256: await fileDigest(file) };
  }
  return files;
}

function damaged(directory: string, problem: string): Failure {
  return new Failure({
    reason: "file-invalid",
    message: `${directory}: ${problem}`,
    remedy: "delete this checkpoint; the trial continues from an older one",
  });
}
