import { createHash } from "node:crypto";
import { mkdir, readdir, rm } from "node:fs/promises";
import path from "node:path";
import { Failure } from "../contract/failure.ts";
import { cacheEntry } from "./cache-entry.ts";
import { findPython, type Python } from "./python.ts";
import { lastLine, runTool } from "./tool.ts";

export interface WheelRequest {
  /** Name of the project in the Python package index. */
  project: string;
  /** Exact version; left out, the newest that fits. */
  version?: string;
  /**
   * The Python version and platform tag to fetch for, as pip takes them: for a wheel of which only
   * files are used that need no Python. Left out, those of the active Python.
   */
  target?: { python: string; platform: string };
  /** Whose cache the entry is for, as `linux-x64`; left out, this machine's. */
  machine?: string;
  /** Beginnings of the paths to unpack; left out, everything is. */
  members?: string[];
  /** Told in one line what takes long. */
  progress?: (line: string) => void;
}

/**
 * The folder with the unpacked files of a wheel, fetched by pip on first use and kept in the cache.
 * Throws Failure `tool-missing` without python3 or pip and where the index has no such wheel or
 * does not answer, `disk-full` where it does not fit.
 */
export async function fetchWheel(request: WheelRequest): Promise<string> {
  return cacheEntry({
    kind: "wheels",
    name: entryName(request),
    fill: async (directory) => {
      const python = await findPython();
      const download = path.join(directory, ".download");
      await mkdir(download);
      await downloadWheel(python, request, download);
      const wheel = (await readdir(download)).find((name) => name.endsWith(".whl"));
      if (!wheel) throw new Error(`pip left no wheel of ${request.project}`);
      request.progress?.(`unpacking ${wheel}`);
      await unpack(python, { wheel: path.join(download, wheel), directory, request });
      await rm(download, { recursive: true });
    },
  });
}

function entryName({ project, version, target, members, machine }: WheelRequest): string {
  const [platform, arch] = machine?.split("-") ?? [process.platform, process.arch];
  const chosen = JSON.stringify([target, members, platform, arch]);
  const digest = createHash("sha256").update(chosen).digest("hex").slice(0, 8);
  return `${project}-${version ?? "any"}-${digest}`;
}

async function downloadWheel(
  python: Python,
  { project, version, target, progress }: WheelRequest,
  directory: string,
): Promise<void> {
  const requirement = version ? `${project}==${version}` : project;
  const options = ["--no-deps", "--only-binary=:all:", "--no-cache-dir", "--dest", directory];
  options.push("--disable-pip-version-check", "--no-input");
  if (target) options.push("--python-version", target.python, "--platform", target.platform);
  const { status, stderr } = await runTool({
    argv: [python.program, "-m", "pip", "download", ...options, requirement],
    onLine: (line) => {
      const match = /^\s*Downloading (\S+)\s+\((.+)\)/.exec(line);
      if (match) progress?.(`downloading ${match[1]} (${match[2]})`);
    },
  });
  if (status === 0) return;
  if (stderr.includes("No module named pip")) {
    throw new Failure({
      reason: "tool-missing",
      message: `Python ${python.version} (${python.program}) has no pip`,
      remedy: "install pip, for example the package python3-pip, or `python3 -m ensurepip --user`",
    });
  }
  if (isDiskFull(stderr)) throw diskFull(directory);
  const where = target
    ? `Python ${target.python} on ${target.platform}`
    : `Python ${python.version} on ${process.platform}-${process.arch}`;
  throw new Failure({
    reason: "tool-missing",
    message: `pip could not fetch ${requirement} for ${where}: ${lastLine(stderr)}`,
    remedy: `see that \`${python.program} -m pip download ${requirement}\` reaches a package index`,
  });
}

/**
 * Unpacks in Python, which refuses paths outside the folder; synced, so that a rename can seal it.
 */
const UNPACK = `
import os, sys, zipfile
wheel, directory, *members = sys.argv[1:]
with zipfile.ZipFile(wheel) as archive:
    for info in archive.infolist():
        if info.is_dir() or not info.filename.startswith(tuple(members) or ""):
            continue
        path = archive.extract(info, directory)
        os.chmod(path, info.external_attr >> 16 & 0o777 | 0o644)
        with open(path, "rb") as file:
            os.fsync(file.fileno())
`;

async function unpack(
  python: Python,
  { wheel, directory, request }: { wheel: string; directory: string; request: WheelRequest },
): Promise<void> {
  const { status, stderr } = await runTool({
    argv: [python.program, "-c", UNPACK, wheel, directory, ...(request.members ?? [])],
  });
  if (status === 0) return;
  if (isDiskFull(stderr)) throw diskFull(directory);
  throw new Failure({
    reason: "file-invalid",
    message: `${path.basename(wheel)} could not be unpacked: ${lastLine(stderr)}`,
    remedy: "run the command again to fetch it anew",
  });
}

function isDiskFull(stderr: string): boolean {
  return /No space left on device|Disk quota exceeded/.test(stderr);
}

function diskFull(directory: string): Failure {
  return new Failure({
    reason: "disk-full",
    message: `no space left under ${path.dirname(directory)}`,
    remedy: "make room there, or set QSWEEP_CACHE to a folder on a larger disk",
  });
}
