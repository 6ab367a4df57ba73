import { Failure } from "../contract/failure.ts";
import { lastLine, runTool } from "./tool.ts";

export interface Python {
  program: string;
  /** Such as `3.11.2`. */
  version: string;
}

/**
 * The active Python: the first `python3` or `python` of PATH that is a Python 3.
 * Throws Failure `tool-missing` where there is none.
 */
export async function findPython(): Promise<Python> {
  for (const program of ["python3", "python"]) {
    const code = "import platform; print(platform.python_version())";
    const { status, stdout } = await runTool({ argv: [program, "-c", code] });
    const version = stdout.trim();
    if (status === 0 && version.startsWith("3.")) return { program, version };
  }
  throw new Failure({
    reason: "tool-missing",
    message: "no Python 3 found on PATH",
    remedy: "install python3 with pip, and see that `python3 --version` answers",
  });
}

/**
 * The folder of a package installed for the active Python, or null. The package is not imported:
 * importing TensorFlow takes seconds.
 */
export async function findPythonPackage(python: Python, name: string): Promise<string | null> {
  const code = [
    "import importlib.util, sys",
    "spec = importlib.util.find_spec(sys.argv[1])",
    "print(spec.submodule_search_locations[0] if spec and spec.submodule_search_locations else '')",
  ].join("\n");
  const { status, stdout } = await runTool({ argv: [python.program, "-c", code, name] });
  return status === 0 && lastLine(stdout) !== "" ? lastLine(stdout) : null;
}
