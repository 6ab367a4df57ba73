import { existsSync } from "node:fs";
import path from "node:path";
import { Failure } from "../contract/failure.ts";
import { findPython, findPythonPackage } from "../wheels/python.ts";
import { fetchWheel } from "../wheels/python-wheel.ts";
import { LIBRARY_FILES } from "./engine-state.ts";

/** A TensorFlow to link to: a folder with the libraries and, under `include`, the C headers. */
export interface TensorflowLibrary {
  directory: string;
  /** How it was found, for people. */
  origin: string;
}

/** What a TensorFlow is wanted for. */
export interface LibraryNeeds {
  /** To build a binding; without, one built elsewhere is linked to it. */
  headers: boolean;
}

/** Releases of 2.18 are built for Python 3.9 to 3.12; only files that need no Python are used. */
const WHEEL_VERSION = "2.18.0";
const WHEEL_PYTHON = "3.11";

/** Wheels of TensorFlow for CPUs, by `process.platform`-`process.arch`. */
const WHEELS: Record<string, { project: string; platform: string }> = {
  "linux-x64": { project: "tensorflow-cpu", platform: "manylinux2014_x86_64" },
  "linux-arm64": { project: "tensorflow", platform: "manylinux2014_aarch64" },
};

/** The libraries and what the binding includes: 30 of the wheel's 10,000 files. */
const WHEEL_MEMBERS = [
  ...LIBRARY_FILES.map((name) => `tensorflow/${name}`),
  "tensorflow/include/tensorflow/c/",
  "tensorflow/include/tensorflow/core/platform/ctstring",
  "tensorflow/include/tsl/platform/ctstring",
  "tensorflow/include/xla/tsl/c/",
  "tensorflow/THIRD_PARTY_NOTICES.txt",
];

/**
 * The TensorFlow in a given folder, or in its subfolder `tensorflow` (as in `site-packages`).
 * Throws Failure `engine-missing` naming the first file that is not there.
 */
export function givenLibrary(folder: string, needs: LibraryNeeds): TensorflowLibrary {
  const candidates = [folder, path.join(folder, "tensorflow")].map((each) => path.resolve(each));
  const directory = candidates.find((each) => missingFile(each, needs) === null);
  if (directory !== undefined) return { directory, origin: "the given folder" };
  const nearest = candidates.findLast((each) => existsSync(each)) ?? folder;
  const missing = existsSync(folder) ? missingFile(nearest, needs) : "no such folder";
  throw new Failure({
    reason: "engine-missing",
    message: `no TensorFlow to link to in ${folder}: ${missing}`,
    remedy: "give the folder of a TensorFlow 2.12 to 2.21: `tensorflow` under site-packages",
  });
}

/** The active Python's TensorFlow. Throws Failure `engine-missing` where none can be linked to. */
export async function activePythonLibrary(needs: LibraryNeeds): Promise<TensorflowLibrary> {
  const python = await findPython();
  const directory = await findPythonPackage(python, "tensorflow");
  const missing = directory && missingFile(directory, needs);
  if (directory !== null && missing === null) return { directory, origin: "the active Python" };
  throw new Failure({
    reason: "engine-missing",
    message: `Python ${python.version} has no TensorFlow to link to${missing ? `: ${missing}` : ""}`,
    remedy: "use `engine install --from DIR`",
  });
}

/**
 * The TensorFlow of a wheel fetched into our cache, for this machine or, as `linux-x64`, another.
 * Throws the failures of `fetchWheel`.
 */
export async function fetchedLibrary(
  progress: (line: string) => void,
  platform = `${process.platform}-${process.arch}`,
): Promise<TensorflowLibrary> {
  const wheel = WHEELS[platform];
  if (!wheel) {
    throw new Failure({
      reason: "engine-missing",
      message: `no TensorFlow wheel is known for ${platform}, only for ${Object.keys(WHEELS).join(", ")}`,
      remedy: "use `engine install --from DIR` with a TensorFlow built for this machine",
    });
  }
  const folder = await fetchWheel({
    project: wheel.project,
    version: WHEEL_VERSION,
    target: { python: WHEEL_PYTHON, platform: wheel.platform },
    members: WHEEL_MEMBERS,
    progress,
  });
  return {
    directory: path.join(folder, "tensorflow"),
    origin: `the wheel ${wheel.project} ${WHEEL_VERSION}`,
  };
}

function missingFile(directory: string, { headers }: LibraryNeeds): string | null {
  const needed = [...LIBRARY_FILES, ...(headers ? ["include/tensorflow/c/eager/c_api.h"] : [])];
  const missing = needed.find((name) => !existsSync(path.join(directory, name)));
  return missing === undefined ? null : `${missing} is missing`;
}
