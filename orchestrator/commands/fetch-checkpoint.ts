import { createWriteStream, mkdirSync, renameSync, rmSync, statSync } from "node:fs";
import path from "node:path";
import { Writable } from "node:stream";
import { Failure } from "../../worker/contract/failure.ts";
import { CheckpointManifest } from "../../worker/contract/trial-files.ts";
import { writeFileDurably } from "../../worker/files/durable-write.ts";
import { fileDigest } from "../../worker/files/file-digest.ts";
import type { SweepAccess } from "../ports/sweep-access.ts";

const MAX_MANIFEST_BYTES = 4 << 20;
const MANIFEST = "manifest.json";

export interface CheckpointFetch {
  access: SweepAccess;
  trial: string;
  /** Path of the checkpoint in the trial's directory. */
  checkpoint: string;
  /** Where its files go; made if need be. */
  directory: string;
  /** Told of the bytes that are here, of all that there are. */
  onProgress: (progress: { bytes: number; total: number }) => void;
}

/**
 * Brings a checkpoint's files here, each checked by its digest. What an interrupted fetch left is
 * taken up again, and what is here already is not sent twice. The manifest comes last: a folder
 * with it is complete. Throws Failure `file-invalid` for a file that arrives damaged.
 */
export async function fetchCheckpoint(fetch: CheckpointFetch): Promise<{ bytes: number }> {
  const { directory, onProgress } = fetch;
  mkdirSync(directory, { recursive: true });
  const text = await readManifest(fetch);
  const { files } = CheckpointManifest.parse(JSON.parse(text));
  const entries = Object.entries(files);
  const total = entries.reduce((sum, [, { bytes }]) => sum + bytes, 0);
  let before = 0;
  for (const [name, file] of entries) {
    await fetchFile(fetch, { name, ...file }, (bytes) =>
      onProgress({ bytes: before + bytes, total }),
    );
    before += file.bytes;
  }
  writeFileDurably(path.join(directory, MANIFEST), text);
  return { bytes: total };
}

async function readManifest({ access, trial, checkpoint }: CheckpointFetch): Promise<string> {
  const chunks: Buffer[] = [];
  let bytes = 0;
  const target = new Writable({
    write(chunk: Buffer, _, done) {
      bytes += chunk.length;
      chunks.push(chunk);
      done(bytes > MAX_MANIFEST_BYTES ? new Error("a manifest of this size is none") : null);
    },
  });
  await access.download({ trial, path: path.posix.join(checkpoint, MANIFEST), offset: 0 }, target);
  return Buffer.concat(chunks).toString();
}

interface ListedFile {
  name: string;
  bytes: number;
  sha256: string;
}

async function fetchFile(
  { access, trial, checkpoint, directory }: CheckpointFetch,
  { name, bytes, sha256 }: ListedFile,
  onProgress: (bytes: number) => void,
): Promise<void> {
  if (path.basename(name) !== name) throw damaged(checkpoint, `"${name}" is no file name`);
  const file = path.join(directory, name);
  if (sizeOf(file) === bytes && (await fileDigest(file)) === sha256) return onProgress(bytes);
  const part = `${file}.part`;
  if ((sizeOf(part) ?? 0) > bytes) rmSync(part);
  const offset = sizeOf(part) ?? 0;
  if (sizeOf(part) !== bytes) {
    await access.download(
      {
        trial,
        path: path.posix.join(checkpoint, name),
        offset,
        onProgress: (arrived) => onProgress(offset + arrived),
      },
      createWriteStream(part, { flags: "a" }),
    );
  }
  if (sizeOf(part) !== bytes || (await fileDigest(part)) !== sha256) {
    // Kept, it would be taken for the beginning of the right file for ever.
    rmSync(part);
    throw damaged(checkpoint, `${name} arrived damaged`);
  }
  renameSync(part, file);
  onProgress(bytes);
}

function sizeOf(file: string): number | null {
  return statSync(file, { throwIfNoEntry: false })?.size ?? null;
}

function damaged(checkpoint: string, problem: string): Failure {
  return new Failure({
    reason: "file-invalid",
    message: `checkpoint ${checkpoint}: ${problem}`,
    remedy: "Fetch it again; what has arrived whole is kept.",
  });
}
