import { createHash } from "node:crypto";
import { readdirSync, readFileSync, statSync } from "node:fs";
import { copyFile, writeFile } from "node:fs/promises";
import { createRequire } from "node:module";
import path from "node:path";
import { Failure } from "../contract/failure.ts";
import { fileDigest } from "../files/file-digest.ts";
import { cacheDirectory } from "../files/user-directories.ts";
import { cacheEntry } from "../wheels/cache-entry.ts";
import { findPython } from "../wheels/python.ts";
import { fetchWheel } from "../wheels/python-wheel.ts";
import { runTool } from "../wheels/tool.ts";
import { LIBRARY_FILES } from "./engine-state.ts";
import { SIGNAL_SHIELD } from "./signal-shield.ts";

const require = createRequire(import.meta.url);
const TFJS_NODE = path.dirname(require.resolve("@tensorflow/tfjs-node-gpu/package.json"));
const NODE_HEADERS = path.join(
  path.dirname(require.resolve("node-api-headers/package.json")),
  "include",
);
const ZIG_VERSION = "0.17.1";
const ADDON = "tfjs_binding.node";
const OPTIONS = ["-shared", "-fPIC", "-O2", "-std=c++17", "-DNAPI_VERSION=8"];

/** A C++ compiler that takes the options of g++. */
export interface Compiler {
  /** What it says it is, with its version. */
  name: string;
  argv: [string, ...string[]];
  env?: NodeJS.ProcessEnv;
}

/** The machine's own C++ compiler. Throws Failure `engine-build` where PATH has none. */
export async function localCompiler(): Promise<Compiler> {
  for (const program of ["g++", "clang++"]) {
    const { status, stdout } = await runTool({ argv: [program, "--version"] });
    if (status === 0) return { name: stdout.split("\n")[0] ?? program, argv: [program] };
  }
  throw new Failure({
    reason: "engine-build",
    message: "no g++ or clang++ on PATH",
    remedy: "install g++",
  });
}

/**
 * The C++ compiler of the `ziglang` wheel, fetched into our cache: for machines without one, and
 * for another platform, such as `linux-x64`. What it builds needs glibc 2.17 and no libstdc++.
 * Throws the failures of `fetchWheel`.
 */
export async function zigCompiler(
  progress: (line: string) => void,
  platform = `linux-${process.arch}`,
): Promise<Compiler> {
  const python = await findPython();
  const wheel = await fetchWheel({ project: "ziglang", version: ZIG_VERSION, progress });
  const target = `${platform.endsWith("arm64") ? "aarch64" : "x86_64"}-linux-gnu.2.17`;
  const isOther = !platform.endsWith(process.arch);
  return {
    name: `ziglang ${ZIG_VERSION}${isOther ? ` for ${platform}` : ""}`,
    argv: [python.program, "-m", "ziglang", "c++", "-target", target],
    env: {
      ...process.env,
      PYTHONPATH: wheel,
      ZIG_GLOBAL_CACHE_DIR: path.join(cacheDirectory(), "zig"),
    },
  };
}

/** Digest of everything of ours that goes into the addon: sources, Node-API headers, options. */
export function bindingSources(): string {
  const hash = createHash("sha256").update(JSON.stringify(OPTIONS)).update(SIGNAL_SHIELD);
  for (const folder of [path.join(TFJS_NODE, "binding"), NODE_HEADERS]) {
    for (const name of readdirSync(folder).toSorted()) {
      hash.update(name).update(readFileSync(path.join(folder, name)));
    }
  }
  return hash.digest("hex");
}

/**
 * Builds the addon of tfjs-node, with our signal shield in it, against the TensorFlow in a folder,
 * or takes it from the cache where the same sources were built by the same compiler against the
 * same headers, and returns its path. Throws Failure `engine-build` with the compiler's complaint.
 */
export async function buildBinding(library: string, compiler: Compiler): Promise<string> {
  const include = path.join(library, "include");
  const hash = createHash("sha256").update(bindingSources()).update(JSON.stringify(compiler.name));
  for (const header of ["c_api.h", "eager/c_api.h", "tf_tensor.h"]) {
    hash.update(readFileSync(path.join(include, "tensorflow", "c", header)));
  }
  const folder = await cacheEntry({
    kind: path.join("engine", "bindings"),
    name: hash.digest("hex").slice(0, 16),
    fill: (directory) => compile({ compiler, library, directory }),
  });
  return path.join(folder, ADDON);
}

/**
 * A binding that was built elsewhere, copied into the cache under a name by its content. Throws
 * Failure `engine-missing` where there is no such file.
 */
export async function keptBinding(file: string): Promise<string> {
  if (!statSync(file, { throwIfNoEntry: false })?.isFile()) {
    throw new Failure({
      reason: "engine-missing",
      message: `there is no binding ${file}`,
      remedy: "give the file `tfjs_binding.node` that `engine install` built on another machine",
    });
  }
  const folder = await cacheEntry({
    kind: path.join("engine", "bindings"),
    name: (await fileDigest(file)).slice(0, 16),
    fill: (directory) => copyFile(file, path.join(directory, ADDON)),
  });
  return path.join(folder, ADDON);
}

/** Leaves the addon in `directory`. */
async function compile({
  compiler,
  library,
  directory,
}: {
  compiler: Compiler;
  library: string;
  directory: string;
}): Promise<void> {
  const shield = path.join(directory, "signal_shield.cc");
  await writeFile(shield, SIGNAL_SHIELD);
  const folders = [NODE_HEADERS, TFJS_NODE, path.join(library, "include")];
  const { status, stderr } = await runTool({
    argv: [
      ...compiler.argv,
      ...OPTIONS,
      ...folders.flatMap((folder) => ["-I", folder]),
      path.join(TFJS_NODE, "binding", "tfjs_backend.cc"),
      path.join(TFJS_NODE, "binding", "tfjs_binding.cc"),
      shield,
      "-o",
      path.join(directory, ADDON),
      ...LIBRARY_FILES.map((name) => path.join(library, name)),
    ],
    ...(compiler.env && { env: compiler.env }),
  });
  if (status === 0) return;
  const lines = stderr.split("\n");
  // The linker's driver only counts the errors that stand above its line.
  const complaint = lines.find((line) => /^(?!collect2).*error:/.test(line)) ?? lines[0] ?? "";
  throw new Failure({
    reason: "engine-build",
    message: `${compiler.name} could not build the engine: ${complaint.trim()}`,
    remedy: "see that the compiler knows C++17 and that the TensorFlow is whole",
  });
}
