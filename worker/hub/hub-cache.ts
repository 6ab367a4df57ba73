import { createHash, randomBytes } from "node:crypto";
import { createReadStream, existsSync, mkdirSync, readdirSync, renameSync } from "node:fs";
import { readlink, rename, stat, symlink } from "node:fs/promises";
import { hostname } from "node:os";
import path from "node:path";
import { pipeline } from "node:stream/promises";
import { writeFileDurably } from "../files/durable-write.ts";
import { errorCode } from "../files/error-code.ts";
import { hubModelFolder } from "../files/hub-models.ts";

const INCOMPLETE = ".incomplete";
/** Of a part that nobody is at. */
const FREE = "qsweep~free";

/**
 * A model's folder in the cache of Hugging Face's tools:
 *
 *     models--OWNER--NAME/blobs/<etag>              contents, once each
 *                        /snapshots/<commit>/<file>  links to them
 *                        /refs/<revision>            the commit that a branch or tag was
 *
 * A blob is there whole or not at all. What is not yet whole is in a file of each process's own
 * (`<etag>.<who>.incomplete`); one left behind is taken over by renaming it, so by one only.
 */
export class HubCache {
  readonly #folder: string;

  constructor(cache: string, name: string) {
    this.#folder = hubModelFolder(cache, name);
  }

  snapshot(commit: string): string {
    return path.join(this.#folder, "snapshots", commit);
  }

  blob(etag: string): string {
    return path.join(this.#folder, "blobs", etag);
  }

  /** Notes the commit of a branch or tag. */
  recordRevision(revision: string, commit: string): void {
    if (revision === commit) return;
    const file = path.join(this.#folder, "refs", revision);
    mkdirSync(path.dirname(file), { recursive: true });
    writeFileDurably(file, commit);
  }

  /** Gives a blob its name in a snapshot, in place of what had it. */
  async link(commit: string, name: string, etag: string): Promise<void> {
    const file = path.join(this.snapshot(commit), name);
    mkdirSync(path.dirname(file), { recursive: true });
    const target = path.relative(path.dirname(file), this.blob(etag));
    if ((await readlink(file).catch(() => null)) === target) return;
    const temporary = `${file}.${randomBytes(4).toString("hex")}.tmp`;
    await symlink(target, temporary);
    await rename(temporary, file);
  }

  /** A file to download into: one left behind, with what it holds, or the name of a new one. */
  takePart(etag: string): string {
    const blobs = path.dirname(this.blob(etag));
    mkdirSync(blobs, { recursive: true });
    const owner = ["qsweep", hostname(), process.pid, randomBytes(4).toString("hex")].join("~");
    const own = path.join(blobs, `${etag}.${owner}${INCOMPLETE}`);
    for (const name of readdirSync(blobs)) {
      if (!name.startsWith(`${etag}.qsweep~`) || !name.endsWith(INCOMPLETE)) continue;
      if (isOwned(name.slice(etag.length + 1, -INCOMPLETE.length))) continue;
      if (renamed(path.join(blobs, name), own)) break;
    }
    return own;
  }

  /** Leaves a part for whoever goes on with it. */
  leavePart(etag: string, part: string): void {
    if (existsSync(part)) renamed(part, `${this.blob(etag)}.${FREE}${INCOMPLETE}`);
  }

  /** Makes a complete part the blob. */
  async seal(etag: string, part: string): Promise<void> {
    await rename(part, this.blob(etag));
  }
}

/** Whether a process may still be writing; of another host's processes nobody here can tell. */
function isOwned(owner: string): boolean {
  if (owner === FREE) return false;
  const [, host, pid] = owner.split("~");
  if (host !== hostname()) return true;
  try {
    process.kill(Number(pid), 0);
    return true;
  } catch (error) {
    return errorCode(error) === "EPERM";
  }
}

/** False where another process was first. */
function renamed(from: string, to: string): boolean {
  try {
    renameSync(from, to);
    return true;
  } catch (error) {
    if (errorCode(error) === "ENOENT") return false;
    throw error;
  }
}

/**
 * What is wrong with a file by the hub's word on its content, or null. The etag of large files is
 * their SHA-256, that of others Git's name of their content (SHA-1); other hubs' say nothing.
 */
export async function contentProblem(file: string, etag: string): Promise<string | null> {
  const isLarge = /^[0-9a-f]{64}$/.test(etag);
  if (!isLarge && !/^[0-9a-f]{40}$/.test(etag)) return null;
  const hash = createHash(isLarge ? "sha256" : "sha1");
  if (!isLarge) hash.update(`blob ${(await stat(file)).size}\0`);
  await pipeline(createReadStream(file, { highWaterMark: 1 << 20 }), hash);
  const digest = hash.digest("hex");
  const kind = isLarge ? "SHA-256" : "Git's SHA-1";
  return digest === etag ? null : `its ${kind} is ${digest}, not ${etag}`;
}
