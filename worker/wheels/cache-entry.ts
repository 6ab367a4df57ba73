import { randomBytes } from "node:crypto";
import { existsSync, statSync } from "node:fs";
import { mkdir, readdir, rename, rm } from "node:fs/promises";
import { hostname } from "node:os";
import path from "node:path";
import { cacheDirectory } from "../files/user-directories.ts";

const PARTIAL = ".partial";
const DAY_MS = 24 * 60 * 60 * 1000;

export interface CacheEntry {
  /** Folder of the cache the entry belongs to, such as `wheels`. */
  kind: string;
  /** Name of the entry; it must differ whenever the content would. */
  name: string;
  /** Puts the content into an empty folder. */
  fill: (directory: string) => Promise<void>;
}

/**
 * The folder of a cache entry, filled on first use. It is filled under another name and renamed
 * when complete: a process killed at any moment leaves no entry or a whole one, and processes that
 * fill the same entry at the same time all end with the copy that came first.
 */
export async function cacheEntry({ kind, name, fill }: CacheEntry): Promise<string> {
  const parent = path.join(cacheDirectory(), kind);
  const entry = path.join(parent, name);
  if (existsSync(entry)) return entry;
  await mkdir(parent, { recursive: true });
  await removeAbandoned(parent);
  const nonce = randomBytes(4).toString("hex");
  const partial = path.join(parent, [PARTIAL, process.pid, hostname(), nonce].join("~"));
  try {
    await mkdir(partial);
    await fill(partial);
    await rename(partial, entry).catch((error: unknown) => {
      if (!existsSync(entry)) throw error;
    });
  } finally {
    await rm(partial, { recursive: true, force: true });
  }
  return entry;
}

async function removeAbandoned(parent: string): Promise<void> {
  for (const name of await readdir(parent)) {
    const [prefix, pid, host] = name.split("~");
    if (prefix !== PARTIAL) continue;
    const folder = path.join(parent, name);
    // Another host's processes cannot be seen from here; no fill takes a day.
    const abandoned = host === hostname() ? !isRunning(Number(pid)) : ageMs(folder) > DAY_MS;
    if (abandoned) await rm(folder, { recursive: true, force: true });
  }
}

function isRunning(pid: number): boolean {
  try {
    process.kill(pid, 0);
    return true;
  } catch (error) {
    // EPERM: it runs and is another user's.
    return error instanceof Error && "code" in error && error.code === "EPERM";
  }
}

/** 0 for a folder that has just gone. */
function ageMs(folder: string): number {
  const stats = statSync(folder, { throwIfNoEntry: false });
  return stats ? Date.now() - stats.mtimeMs : 0;
}
