import { createHash } from "node:crypto";
import { readFileSync } from "node:fs";
import path from "node:path";
import { localCompiler, zigCompiler } from "../../worker/engine/binding-build.ts";
import { cacheEntry } from "../../worker/wheels/cache-entry.ts";
import { findPython } from "../../worker/wheels/python.ts";
import { lastLine, runTool } from "../../worker/wheels/tool.ts";

const folder = path.resolve(import.meta.dirname, "..", "python");
const REQUIREMENTS = path.join(folder, "requirements.txt");
const ABSENT_LIBRARIES = path.join(folder, "absent_libraries.py");

/**
 * A Python of a virtual environment with PyTorch, transformers and PEFT, made on first use and kept
 * in the cache (1.6 GB; about a minute). PyTorch's wheel is the package index's, without the GPU
 * libraries that it asks for. Throws where it cannot be made.
 */
export async function pythonEnvironment(): Promise<string> {
  const python = await findPython();
  const hash = createHash("sha256").update(python.version);
  for (const file of [REQUIREMENTS, ABSENT_LIBRARIES]) hash.update(readFileSync(file));
  const environment = await cacheEntry({
    kind: "python",
    name: `transformers-${hash.digest("hex").slice(0, 12)}`,
    fill: (directory) => fill(python.program, directory),
  });
  return interpreter(environment);
}

async function fill(python: string, directory: string): Promise<void> {
  // The machine's pip installs into it: a pip of its own would need one more system package.
  await run([python, "-m", "venv", "--without-pip", directory]);
  const program = interpreter(directory);
  const options = ["--no-deps", "--no-compile", "--only-binary=:all:", "--no-cache-dir", "--quiet"];
  const install = ["--python", program, "install", ...options, "--requirement", REQUIREMENTS];
  await run([python, "-m", "pip", "--disable-pip-version-check", "--no-input", ...install]);
  const where = "import sysconfig; print(sysconfig.get_path('platlib'))";
  const packages = lastLine(await run([program, "-c", where]));
  const libraries = path.join(packages, "torch", "lib");
  const { argv, env } = await localCompiler().catch(() => zigCompiler(() => undefined));
  const words: [string, ...string[]] = [python, ABSENT_LIBRARIES, libraries, ...argv];
  if (process.platform === "linux") await run(words, env);
  await run([program, "-c", "import torch, transformers, peft"]);
}

function interpreter(environment: string): string {
  return path.join(environment, "bin", "python");
}

/** Runs a program, which has to succeed, and returns what it said. */
export async function run(argv: [string, ...string[]], env = process.env): Promise<string> {
  const { status, stdout, stderr } = await runTool({ argv, env });
  if (status !== 0) throw new Error(`${argv.join(" ")} ended with ${status}: ${stderr}`);
  return stdout;
}
