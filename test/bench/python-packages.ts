import { createHash } from "node:crypto";
import { readFileSync } from "node:fs";
import { writeFile } from "node:fs/promises";
import path from "node:path";
import { cacheEntry } from "../../worker/wheels/cache-entry.ts";
import { findPython } from "../../worker/wheels/python.ts";
import { lastLine } from "../../worker/wheels/tool.ts";
import { pythonEnvironment, run } from "../rig/python-environment.ts";

const REQUIREMENTS = path.join(import.meta.dirname, "python", "requirements.txt");
/** What stands beside the numbers of every run. */
const VERSIONED = ["torch", "transformers", "peft", "pillow"];

/**
 * A Python with what qsweep is compared with: the newest transformers, Pillow and pycocoevalcap,
 * over the PyTorch and PEFT of the tests' environment. Made on first use and kept in the cache.
 */
export async function benchPython(): Promise<string> {
  const below = await pythonEnvironment();
  const python = await findPython();
  const hash = createHash("sha256").update(below).update(readFileSync(REQUIREMENTS));
  const environment = await cacheEntry({
    kind: "python",
    name: `bench-${hash.digest("hex").slice(0, 12)}`,
    fill: (directory) => fill(directory, { python: python.program, below }),
  });
  return interpreter(environment);
}

async function fill(
  directory: string,
  { python, below }: { python: string; below: string },
): Promise<void> {
  await run([python, "-m", "venv", "--without-pip", directory]);
  const program = interpreter(directory);
  const options = ["--no-deps", "--no-compile", "--only-binary=:all:", "--no-cache-dir", "--quiet"];
  const install = ["--python", program, "install", ...options, "--requirement", REQUIREMENTS];
  await run([python, "-m", "pip", "--disable-pip-version-check", "--no-input", ...install]);
  // Folders named by a .pth file come after the environment's own: its transformers wins.
  await writeFile(path.join(await packagesOf(program), "below.pth"), await packagesOf(below));
  await run([program, "-c", "import torch, transformers, peft, PIL, pycocoevalcap"]);
}

async function packagesOf(program: string): Promise<string> {
  const where = "import sysconfig; print(sysconfig.get_path('purelib'))";
  return lastLine(await run([program, "-c", where]));
}

function interpreter(environment: string): string {
  return path.join(environment, "bin", "python");
}

/** Versions of the packages compared with. */
export async function pythonVersions(program: string): Promise<Record<string, string>> {
  const code =
    "import importlib.metadata as m, json, platform, sys;" +
    "found = {name: m.version(name) for name in sys.argv[1:]};" +
    "print(json.dumps({'Python': platform.python_version(), **found}))";
  return JSON.parse(lastLine(await run([program, "-c", code, ...VERSIONED])));
}
