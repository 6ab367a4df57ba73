import { execFileSync, spawn } from "node:child_process";
import { once } from "node:events";
import {
  cpSync,
  existsSync,
  mkdirSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  rmSync,
  symlinkSync,
  watch,
  writeFileSync,
} from "node:fs";
import { tmpdir } from "node:os";
import path from "node:path";
import { afterEach, beforeEach, expect, test } from "vitest";
import { readEngineState } from "../../../worker/engine/engine-state.ts";
import { runTool, type ToolOutcome } from "../../../worker/wheels/tool.ts";
import { commandFolder } from "../../rig/command-folder.ts";

const CLI = path.resolve("dist/worker/cli.js");
const SLOW_MS = 10 * 60_000;

/** The TensorFlow of the engine these tests run on. */
const installed = readEngineState();
if (installed?.engine !== "native") throw new Error("these tests need a native engine");
const { library, binding } = installed;
const python = execFileSync("python3", ["-c", "import sys; print(sys.executable)"], {
  encoding: "utf8",
}).trim();

/** Fails like a Python on a machine that no package index answers. */
const PYTHON_WITHOUT_INDEX = `
case "$*" in
  *"pip download"*) echo "ERROR: No matching distribution found" >&2; exit 1;;
  *find_spec*) echo; exit 0;;
  *) exec ${python} "$@";;
esac`;

let folder: string;
let cache: string;

beforeEach(() => {
  folder = mkdtempSync(path.join(tmpdir(), "engine-install-"));
  cache = path.join(folder, "cache");
});

afterEach(() => rmSync(folder, { recursive: true, force: true }));

/** Puts the addon of the engine in use into the cache, so that it need not be built again. */
function addonBuiltBefore(): void {
  const bindings = path.dirname(path.dirname(binding));
  cpSync(bindings, path.join(cache, "engine", "bindings"), { recursive: true });
}

function environment(extra: NodeJS.ProcessEnv = {}): NodeJS.ProcessEnv {
  const { LD_LIBRARY_PATH: _, ...inherited } = process.env;
  return { ...inherited, QSWEEP_CACHE: cache, ...extra };
}

function engine(words: string[], extra?: NodeJS.ProcessEnv): Promise<ToolOutcome> {
  return runTool({ argv: [process.execPath, CLI, "engine", ...words], env: environment(extra) });
}

async function install(words: string[] = [], extra?: NodeJS.ProcessEnv): Promise<unknown> {
  const { stdout, stderr } = await engine(["install", "--json", ...words], extra);
  if (stdout === "") throw new Error(stderr);
  return JSON.parse(stdout);
}

function record(): unknown {
  const file = path.join(cache, "engine", "engine.json");
  return existsSync(file) ? JSON.parse(readFileSync(file, "utf8")) : null;
}

/** Starts an install, waits until the file `marker` appears, and kills it with no chance to tidy. */
async function killInstallAt(marker: string, words: string[], PATH: string): Promise<void> {
  const appeared = new Promise<void>((resolve) => {
    const watcher = watch(folder, () => {
      if (!existsSync(marker)) return;
      watcher.close();
      resolve();
    });
  });
  const argv = [CLI, "engine", "install", ...words];
  const child = spawn(process.execPath, argv, { env: environment({ PATH }), detached: true });
  const exit = once(child, "exit");
  await appeared;
  if (child.pid === undefined) throw new Error("the install did not start");
  process.kill(-child.pid, "SIGKILL");
  await exit;
}

function partialFolders(): string[] {
  return readdirSync(cache, { recursive: true, encoding: "utf8" }).filter((name) =>
    path.basename(name).startsWith(".partial"),
  );
}

test("an install from a folder is checked and recorded, and the next one does nothing", async () => {
  expect(await install(["--from", library])).toMatchObject({
    engine: "native",
    library,
    changed: true,
  });
  const nothing = commandFolder(folder, {});
  const before = record();
  expect(await install([], { PATH: nothing })).toMatchObject({ engine: "native", changed: false });
  expect(record()).toEqual(before);
});

test("`engine info` loads the engine though it was started without the library path", async () => {
  addonBuiltBefore();
  await install(["--from", library]);
  const { stdout } = await engine(["info", "--json"], { TF_NUM_INTEROP_THREADS: undefined });
  expect(JSON.parse(stdout)).toEqual({
    engine: "native",
    tensorflow: installed.tensorflow,
    device: expect.stringMatching(/^(cpu|gpu)$/),
    library,
    threads: expect.any(Number),
  });
});

test("an install killed while it builds leaves the former record, and the next one works", async () => {
  const compiling = path.join(folder, "compiling");
  const hanging = commandFolder(folder, {
    "g++": `[ "$1" = --version ] && echo g++ hanging && exit; touch ${compiling}; sleep 600`,
  });
  const former = { version: 1, engine: "cpu", because: "chosen before" };
  mkdirSync(path.join(cache, "engine"), { recursive: true });
  writeFileSync(path.join(cache, "engine", "engine.json"), JSON.stringify(former));

  await killInstallAt(compiling, ["--from", library], `${hanging}:${process.env["PATH"]}`);
  expect(record()).toEqual(former);
  expect(partialFolders()).toHaveLength(1);

  expect(await install(["--from", library])).toMatchObject({ engine: "native", changed: true });
  expect(partialFolders()).toEqual([]);
});

test("an install killed while it fetches leaves no record, and the next one works", async () => {
  addonBuiltBefore();
  const fetching = path.join(folder, "fetching");
  const hanging = commandFolder(folder, {
    python3: `
case "$*" in
  *"pip download"*) touch ${fetching}; sleep 600;;
  *find_spec*) echo;;
  *) exec ${python} "$@";;
esac`,
  });
  await killInstallAt(fetching, [], `${hanging}:${process.env["PATH"]}`);
  expect(record()).toBeNull();
  expect(await install(["--from", library])).toMatchObject({ engine: "native" });
});

test("installs at the same time end with one addon", async () => {
  const outcomes = await Promise.all([1, 2].map(() => install(["--from", library])));
  for (const outcome of outcomes) expect(outcome).toMatchObject({ engine: "native" });
  expect(readdirSync(path.join(cache, "engine", "bindings"))).toHaveLength(1);
});

test("a record whose library has changed since is not taken for whole", async () => {
  addonBuiltBefore();
  await install(["--from", library]);
  const file = path.join(cache, "engine", "engine.json");
  const before = readFileSync(file, "utf8");
  writeFileSync(file, before.replace(/("libtensorflow_cc.so.2": )\d+/, "$1 1"));
  expect(await install(["--from", library])).toMatchObject({ changed: true });
  expect(readFileSync(file, "utf8")).toBe(before);
});

test("a binding built elsewhere is checked and kept, without headers and without a compiler", async () => {
  const bare = path.join(folder, "tensorflow");
  mkdirSync(bare);
  for (const name of ["libtensorflow_cc.so.2", "libtensorflow_framework.so.2"]) {
    symlinkSync(path.join(library, name), path.join(bare, name));
  }
  const sent = path.join(folder, "sent.node");
  cpSync(binding, sent);
  const words = ["--binding", sent, "--from", bare];
  const PATH = commandFolder(folder, {});
  expect(await install(words, { PATH })).toMatchObject({ library: bare, changed: true });
  rmSync(sent);
  const { stdout } = await engine(["self-check", "--json"]);
  expect(JSON.parse(stdout)).toMatchObject({ tensorflow: installed.tensorflow, library: bare });
  cpSync(binding, sent);
  expect(await install(words, { PATH })).toMatchObject({ changed: false });
});

test("a binding that is none is refused, and the former record stays", async () => {
  addonBuiltBefore();
  await install(["--from", library]);
  const before = record();
  const sent = path.join(folder, "sent.node");
  writeFileSync(sent, "no binding");
  expect(await install(["--binding", sent, "--from", library])).toMatchObject({
    error: { reason: "engine-build", message: expect.stringContaining(library) },
  });
  expect(record()).toEqual(before);
});

test("with a binding alone the TensorFlow is the active Python's, and none is fetched", async () => {
  const PATH = commandFolder(folder, { python3: PYTHON_WITHOUT_INDEX });
  expect(await install(["--binding", binding], { PATH })).toMatchObject({
    error: { reason: "engine-missing", message: expect.stringMatching(/Python 3\S+ has no Tens/) },
  });
  expect(record()).toBeNull();
});

test("what is shipped to a cluster is this machine's own engine, where it is of its platform", async () => {
  addonBuiltBefore();
  await install(["--from", library]);
  const { stdout } = await engine(["ship", "--json"]);
  expect(JSON.parse(stdout)).toEqual({
    binding: expect.stringContaining(cache),
    compiler: expect.any(String),
    library,
  });
});

test("a given folder that lacks a file is refused by the file's name", async () => {
  expect(await install(["--from", folder])).toMatchObject({
    error: {
      reason: "engine-missing",
      message: expect.stringContaining("libtensorflow_cc.so.2 is missing"),
    },
  });
  expect(record()).toBeNull();
});

test("a given folder whose libraries are none is refused with the linker's complaint", async () => {
  const fake = path.join(folder, "tensorflow");
  mkdirSync(path.join(fake, "include", "tensorflow"), { recursive: true });
  execFileSync("cp", ["-r", `${library}/include`, fake]);
  for (const name of ["libtensorflow_cc.so.2", "libtensorflow_framework.so.2"]) {
    writeFileSync(path.join(fake, name), "no library");
  }
  const offline = commandFolder(folder, { python3: PYTHON_WITHOUT_INDEX });
  const PATH = `${offline}:${process.env["PATH"]}`;
  expect(await install(["--from", folder], { PATH })).toMatchObject({
    error: { message: expect.stringMatching(/could not build the engine: .*libtensorflow_cc/) },
  });
  expect(record()).toBeNull();
});

test("where nothing native can be had, wasm is recorded and said with the reason", async () => {
  const PATH = commandFolder(folder, { python3: PYTHON_WITHOUT_INDEX });
  const { status, stdout } = await engine(["install"], { PATH });
  expect(status).toBe(0);
  expect(stdout).toMatch(/^engine: wasm \(WebAssembly on one thread\)/);
  expect(stdout).toMatch(/because: Python 3\.\S+ has no TensorFlow.*could not fetch tensorflow/);
  expect(record()).toMatchObject({ engine: "wasm" });
  const info = await engine(["info", "--json"]);
  expect(JSON.parse(info.stdout)).toMatchObject({ engine: "wasm", tensorflow: null });
});

test("where WebAssembly does not run either, JavaScript alone is recorded with both reasons", async () => {
  const PATH = commandFolder(folder, { python3: PYTHON_WITHOUT_INDEX });
  const preload = path.join(folder, "without-wasm.cjs");
  writeFileSync(preload, "WebAssembly.instantiate = () => Promise.reject(new Error('not here'));");
  const withoutWasm = { PATH, NODE_OPTIONS: `--require ${preload}` };
  const { status, stdout } = await engine(["install"], withoutWasm);
  expect(status).toBe(0);
  expect(stdout).toMatch(/^engine: cpu \(pure JavaScript\)/);
  expect(stdout).toMatch(/because: Python 3\.\S+ has no TensorFlow.*the wasm engine is of no use/);
  expect(record()).toMatchObject({ engine: "cpu" });
});

test("a fallback's record is tried anew once a native engine can be had", async () => {
  addonBuiltBefore();
  const PATH = commandFolder(folder, { python3: PYTHON_WITHOUT_INDEX });
  expect(await install([], { PATH })).toMatchObject({ engine: "wasm" });
  expect(await install(["--from", library])).toMatchObject({ engine: "native", changed: true });
});

test("without an installed engine, `engine info` fails and says what to run", async () => {
  const { status, stdout } = await engine(["info", "--json"]);
  expect(status).toBe(1);
  expect(JSON.parse(stdout)).toMatchObject({
    error: { reason: "engine-missing", remedy: expect.stringContaining("engine install") },
  });
});

// Fetches 100 MB and compiles for a minute or two.
test.runIf(process.env["CI"] ?? process.env["QSWEEP_SLOW"])(
  "without a compiler on PATH, the one of the ziglang wheel builds an engine that passes its check",
  { timeout: SLOW_MS },
  async () => {
    const PATH = commandFolder(folder, { python3: `exec ${python} "$@"` });
    expect(await install(["--from", library], { PATH })).toMatchObject({
      engine: "native",
      compiler: expect.stringContaining("ziglang"),
      changed: true,
    });
  },
);
