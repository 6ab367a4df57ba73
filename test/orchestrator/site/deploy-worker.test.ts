import { execFileSync } from "node:child_process";
import { mkdirSync, mkdtempSync, readdirSync, rmSync, utimesSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import path from "node:path";
import { afterAll, afterEach, beforeAll, beforeEach, expect, test, vi } from "vitest";
import { deployWorker, receiveScript } from "../../../orchestrator/site/deploy-worker.ts";
import { CLUSTER_PACKAGES } from "../../../orchestrator/site/worker-bundle.ts";
import { workerHash } from "../../../orchestrator/site/worker-files.ts";
import { ShellHost } from "../../rig/shell-host.ts";

const quiet = { onProgress: () => {} };

let cache: string;
beforeAll(() => {
  cache = mkdtempSync(path.join(tmpdir(), "deploy-cache-"));
  vi.stubEnv("QSWEEP_CACHE", cache);
});
afterAll(() => {
  vi.unstubAllEnvs();
  rmSync(cache, { recursive: true, force: true });
});

let root: string;
let source: string;
beforeEach(() => {
  root = path.join(mkdtempSync(path.join(tmpdir(), "deploy-")), "it's a $(root)");
  source = smallPackage(path.join(path.dirname(root), "source"));
});
afterEach(() => rmSync(path.dirname(root), { recursive: true, force: true }));

/** A package of one own file, one dependency and one that only builds. */
function smallPackage(folder: string): string {
  const write = (name: string, content: string): void => {
    mkdirSync(path.dirname(path.join(folder, name)), { recursive: true });
    writeFileSync(path.join(folder, name), content);
  };
  write("dist/worker/cli.js", "");
  write("dist/worker/cli.js.map", "");
  write("jobs/pilot.sh", "");
  write("package.json", "{}");
  write("node_modules/needed/index.js", "");
  write("node_modules/needed/index.d.ts", "");
  write("node_modules/builder/index.js", "");
  const packages = { "": {}, "node_modules/needed": {}, "node_modules/builder": { dev: true } };
  write("package-lock.json", JSON.stringify({ packages }));
  return folder;
}

function workers(): string[] {
  return readdirSync(path.join(root, "workers"));
}

test("a deployed worker runs where there is nothing of the checkout", async () => {
  const { directory, hash, sent } = await deployWorker(new ShellHost(), { root, ...quiet });
  expect({ directory, sent }).toEqual({ directory: path.join(root, "workers", hash), sent: true });
  const cli = path.join(directory, "dist", "worker", "cli.js");
  const help = execFileSync(process.execPath, [cli, "engine", "--help"], { encoding: "utf8" });
  expect(help).toContain("install");
  expect(workers()).toEqual([hash]);
});

test("where it is already, one call finds it and nothing is sent", async () => {
  const host = new ShellHost();
  await deployWorker(host, { root, source, ...quiet });
  host.ran.length = 0;
  expect(await deployWorker(host, { root, source, ...quiet })).toMatchObject({ sent: false });
  expect(host.ran).toHaveLength(1);
});

test("two senders at once end with one worker and no remains", async () => {
  const host = new ShellHost();
  const both = await Promise.all([1, 2].map(() => deployWorker(host, { root, source, ...quiet })));
  expect(both[0]?.directory).toBe(both[1]?.directory);
  expect(workers()).toEqual([both[0]?.hash]);
});

test("an archive that arrives damaged is refused and leaves nothing", async () => {
  const directory = path.join(root, "workers", "0123456789abcdef");
  const script = receiveScript({ directory, digest: "0".repeat(64), nonce: "1234abcd" });
  const { status } = await new ShellHost().run(script, { stdin: "cut off" });
  expect(status).toBe(65);
  expect(workers()).toEqual([]);
});

test("what a sender left a day ago is removed, what one is sending is not", async () => {
  const old = path.join(root, "workers", ".old.11111111.part");
  const fresh = path.join(root, "workers", ".new.22222222.part");
  for (const folder of [old, fresh]) mkdirSync(folder, { recursive: true });
  const twoDaysAgo = Date.now() / 1000 - 2 * 86_400;
  utimesSync(old, twoDaysAgo, twoDaysAgo);
  const { hash } = await deployWorker(new ShellHost(), { root, source, ...quiet });
  expect(workers().toSorted()).toEqual([".new.22222222.part", hash].toSorted());
});

test("a root that cannot be written is named with what to do", async () => {
  const file = path.join(path.dirname(root), "file");
  execFileSync("touch", [file]);
  await expect(deployWorker(new ShellHost(), { root: file, ...quiet })).rejects.toMatchObject({
    reason: "site-not-ready",
    message: expect.stringContaining(file) as unknown,
  });
});

test("npm is asked for the packages of a cluster, not of this machine", () => {
  expect(CLUSTER_PACKAGES.join(" ")).toBe(
    "ci --omit=dev --os=linux --cpu=x64 --libc=glibc --ignore-scripts --no-audit --no-fund",
  );
});

test("packages that only build, types and source maps stay at home", async () => {
  const { directory } = await deployWorker(new ShellHost(), { root, source, ...quiet });
  const files = readdirSync(directory, { recursive: true, encoding: "utf8" });
  expect(files.filter((file) => /\.\w+$/.test(file)).toSorted()).toEqual([
    "dist/worker/cli.js",
    "jobs/pilot.sh",
    "node_modules/needed/index.js",
    "package-lock.json",
    "package.json",
  ]);
});

test("the hash changes with a file of ours, and with the lockfile", () => {
  const before = workerHash(source);
  writeFileSync(path.join(source, "dist/worker/cli.js"), "changed");
  const after = workerHash(source);
  writeFileSync(path.join(source, "package-lock.json"), "changed");
  expect(new Set([before, after, workerHash(source)]).size).toBe(3);
});
