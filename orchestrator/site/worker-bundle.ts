import { copyFile, mkdtemp, rm, stat, writeFile } from "node:fs/promises";
import { readFileSync } from "node:fs";
import { createHash } from "node:crypto";
import { tmpdir } from "node:os";
import path from "node:path";
import { Failure } from "../../worker/contract/failure.ts";
import { fileDigest } from "../../worker/files/file-digest.ts";
import { cacheEntry } from "../../worker/wheels/cache-entry.ts";
import { lastLine, runTool } from "../../worker/wheels/tool.ts";
import { ownFiles, packageFiles, workerHash } from "./worker-files.ts";

/** Raised when what goes into an archive changes though the files do not. */
const FORMAT = 1;
const LOCK_FILES = ["package.json", "package-lock.json"];

/** npm's options for the packages of a cluster, whatever machine they are fetched on. */
export const CLUSTER_PACKAGES = [
  "ci",
  "--omit=dev",
  "--os=linux",
  "--cpu=x64",
  "--libc=glibc",
  "--ignore-scripts",
  "--no-audit",
  "--no-fund",
] as const;

/** A tar of all that runs on a cluster besides Node, TensorFlow and Redis. */
export interface WorkerBundle {
  /** Names the content. */
  hash: string;
  /** The archive, compressed by gzip, in our cache. */
  archive: string;
  /** SHA-256 of the archive, hexadecimal. */
  digest: string;
  bytes: number;
}

/**
 * The worker of a package as one archive for Linux on x86-64 with glibc, made on first use. Throws
 * Failure `tool-missing` where the packages for that platform cannot be fetched.
 */
export async function workerBundle(
  packageRoot: string,
  progress: (line: string) => void,
): Promise<WorkerBundle> {
  const hash = workerHash(packageRoot);
  const entry = await cacheEntry({
    kind: "workers",
    name: `${hash}-${FORMAT}`,
    fill: async (directory) => {
      const packages = isClusterPlatform()
        ? packageRoot
        : await fetchedPackages(packageRoot, progress);
      progress("packing the worker");
      await pack(path.join(directory, "worker.tar.gz"), [
        { folder: packageRoot, files: ownFiles(packageRoot) },
        { folder: packages, files: packageFiles(packages) },
      ]);
    },
  });
  const archive = path.join(entry, "worker.tar.gz");
  const { size } = await stat(archive);
  return { hash, archive, digest: await fileDigest(archive), bytes: size };
}

/** Whether the packages installed here are those that a cluster needs. */
function isClusterPlatform(): boolean {
  if (`${process.platform}-${process.arch}` !== "linux-x64") return false;
  const { header }: { header?: { glibcVersionRuntime?: string } } = process.report.getReport();
  return header?.glibcVersionRuntime !== undefined;
}

/** A folder with `node_modules` for a cluster, fetched by npm as the lockfile has it. */
async function fetchedPackages(
  packageRoot: string,
  progress: (line: string) => void,
): Promise<string> {
  const hash = createHash("sha256").update(JSON.stringify(CLUSTER_PACKAGES));
  for (const file of LOCK_FILES) hash.update(readFileSync(path.join(packageRoot, file)));
  return cacheEntry({
    kind: "cluster-packages",
    name: hash.digest("hex").slice(0, 16),
    fill: async (directory) => {
      progress("fetching the packages for Linux on x86-64");
      for (const file of LOCK_FILES) {
        await copyFile(path.join(packageRoot, file), path.join(directory, file));
      }
      const { status, stderr } = await runTool({
        argv: ["npm", ...CLUSTER_PACKAGES],
        cwd: directory,
      });
      if (status === 0) return;
      throw new Failure({
        reason: "tool-missing",
        message: `npm could not fetch the packages for a cluster: ${lastLine(stderr)}`,
        remedy: "see that `npm ping` reaches a registry, and run the command again",
      });
    },
  });
}

interface Part {
  folder: string;
  /** Relative to the folder. */
  files: readonly string[];
}

/** Lists in files, since a command line holds fewer names. */
async function pack(archive: string, parts: readonly Part[]): Promise<void> {
  const lists = await mkdtemp(path.join(tmpdir(), "qsweep-pack-"));
  try {
    const words: string[] = [];
    for (const [index, { folder, files }] of parts.entries()) {
      const list = path.join(lists, String(index));
      await writeFile(list, files.map((file) => `${file}\n`).join(""));
      words.push("-C", folder, "-T", list);
    }
    const { status, stderr } = await runTool({
      argv: ["tar", "-czf", archive, ...words],
      // Otherwise tar on macOS adds a file of its own beside each.
      env: { ...process.env, COPYFILE_DISABLE: "1" },
    });
    if (status !== 0) throw new Error(`tar could not pack the worker: ${lastLine(stderr)}`);
  } finally {
    await rm(lists, { recursive: true, force: true });
  }
}
