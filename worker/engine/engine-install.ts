import { existsSync } from "node:fs";
import { fileURLToPath } from "node:url";
import { z } from "zod";
import { Failure } from "../contract/failure.ts";
import { lastLine, runTool } from "../wheels/tool.ts";
import {
  bindingSources,
  buildBinding,
  keptBinding,
  localCompiler,
  zigCompiler,
  type Compiler,
} from "./binding-build.ts";
import {
  librarySizes,
  readEngineState,
  trainerEnvironment,
  writeEngineState,
  type EngineState,
  type FallbackEngine,
  type NativeState,
} from "./engine-state.ts";
import {
  activePythonLibrary,
  fetchedLibrary,
  givenLibrary,
  type LibraryNeeds,
  type TensorflowLibrary,
} from "./tensorflow-library.ts";

export interface InstallOptions {
  /** Folder of the TensorFlow to use; left out, one is found. */
  from?: string;
  /** A binding built elsewhere; left out, one is built. It needs no headers and no compiler. */
  binding?: string;
  /** Told in one line what takes long. */
  progress: (line: string) => void;
}

export interface InstallOutcome {
  state: EngineState;
  /** False where the installed engine was whole and nothing was done. */
  changed: boolean;
}

/** What `worker/cli.ts engine self-check --json` prints; a fallback has no TensorFlow. */
const SelfCheckReport = z.union([
  z.object({ tensorflow: z.string().nullable() }),
  z.object({ error: z.object({ message: z.string() }) }),
]);

/**
 * Installs the native engine; where none can be had, records wasm, and where that does not run,
 * JavaScript alone, with the reasons. Whatever is recorded was checked first, and the record is
 * replaced in one step: an interrupted or failed install leaves the former engine. With `from`,
 * that TensorFlow or none, and with `binding` alone, the active Python's or none: throws Failure
 * `engine-missing` or `engine-build`. A full disk is Failure `disk-full` in any case.
 */
export async function installEngine(options: InstallOptions): Promise<InstallOutcome> {
  const { binding, progress } = options;
  const given = await wantedLibrary(options);
  const prebuilt = binding === undefined ? null : await keptBinding(binding);
  const current = readEngineState();
  if (current?.engine === "native" && isWhole(current, { given, prebuilt })) {
    return { state: current, changed: false };
  }
  const problems: Failure[] = [];
  const sources = given
    ? [async () => given]
    : [() => activePythonLibrary({ headers: true }), () => fetchedLibrary(progress)];
  for (const find of sources) {
    const library = await attempt(find, problems);
    const state = library && (await engineOn(library, { prebuilt, progress, problems }));
    if (state) {
      writeEngineState(state);
      return { state, changed: true };
    }
  }
  const last = problems.at(-1);
  const because = () => problems.map((problem) => problem.message).join("; ");
  if (given && last) {
    throw new Failure({ reason: last.reason, message: because(), remedy: last.remedy });
  }
  const wasm = await attempt(checkWasm, problems);
  const state: EngineState = { version: 1, engine: wasm ?? "cpu", because: because() };
  writeEngineState(state);
  return { state, changed: true };
}

/** The TensorFlow that it must be; null where one is to be found. */
async function wantedLibrary({ from, binding }: InstallOptions): Promise<TensorflowLibrary | null> {
  const needs: LibraryNeeds = { headers: binding === undefined };
  if (from !== undefined) return givenLibrary(from, needs);
  return binding === undefined ? null : activePythonLibrary(needs);
}

/** Whether the recorded engine is the one asked for and none of its parts has changed since. */
function isWhole(
  state: NativeState,
  { given, prebuilt }: { given: TensorflowLibrary | null; prebuilt: string | null },
): boolean {
  return (
    (given === null || given.directory === state.library) &&
    (prebuilt === null || prebuilt === state.binding) &&
    existsSync(state.binding) &&
    JSON.stringify(librarySizes(state.library)) === JSON.stringify(state.libraries) &&
    bindingSources() === state.sources
  );
}

interface EngineParts {
  prebuilt: string | null;
  progress: (line: string) => void;
  problems: Failure[];
}

/**
 * The state of an engine on a TensorFlow: with the binding built elsewhere, else with the first
 * compiler's that passes its check.
 */
async function engineOn(
  library: TensorflowLibrary,
  { prebuilt, progress, problems }: EngineParts,
): Promise<NativeState | null> {
  if (prebuilt !== null) {
    const compiler = "elsewhere";
    return attempt(() => checkedState(library, { binding: prebuilt, compiler }), problems);
  }
  for (const find of [localCompiler, () => zigCompiler(progress)]) {
    const compiler = await attempt(find, problems);
    const state = compiler && (await attempt(() => build(library, compiler, progress), problems));
    if (state) return state;
  }
  return null;
}

async function build(
  library: TensorflowLibrary,
  compiler: Compiler,
  progress: (line: string) => void,
): Promise<NativeState> {
  progress(`building the engine with ${compiler.name} on the TensorFlow of ${library.origin}`);
  const binding = await buildBinding(library.directory, compiler);
  return checkedState(library, { binding, compiler: compiler.name });
}

async function checkedState(
  { directory }: TensorflowLibrary,
  { binding, compiler }: { binding: string; compiler: string },
): Promise<NativeState> {
  return {
    version: 1,
    engine: "native",
    binding,
    library: directory,
    tensorflow: await checkBinding(binding, directory),
    compiler,
    sources: bindingSources(),
    libraries: librarySizes(directory) ?? {},
  };
}

/**
 * The version of the TensorFlow behind a binding that passes the self-check. It runs in a process
 * of its own, since a wrong library can crash the one it is in.
 */
async function checkBinding(binding: string, library: string): Promise<string> {
  const environment = trainerEnvironment({ library });
  const { tensorflow, problem } = await selfCheck([binding], environment);
  if (tensorflow !== null) return tensorflow;
  throw new Failure({
    reason: "engine-build",
    message: `the TensorFlow in ${library} is of no use: ${problem}`,
    remedy: "use another TensorFlow with `engine install --from DIR`",
  });
}

/** The wasm engine, if it passes the self-check. */
async function checkWasm(): Promise<FallbackEngine> {
  const { problem } = await selfCheck(["--fallback", "wasm"], {});
  if (problem === null) return "wasm";
  throw new Failure({
    reason: "engine-build",
    message: `the wasm engine is of no use: ${problem}`,
    remedy: "use Node 20.19 or later",
  });
}

async function selfCheck(
  words: string[],
  environment: Record<string, string>,
): Promise<{ tensorflow: string | null; problem: string | null }> {
  const cli = fileURLToPath(new URL("../cli.js", import.meta.url));
  const { stdout, stderr } = await runTool({
    argv: [process.execPath, cli, "engine", "self-check", ...words, "--json"],
    env: { ...process.env, ...environment },
  });
  const report = stdout === "" ? null : SelfCheckReport.parse(JSON.parse(stdout));
  if (report && "tensorflow" in report) return { tensorflow: report.tensorflow, problem: null };
  return { tensorflow: null, problem: report?.error.message ?? lastLine(stderr) };
}

/**
 * The result of a step, or null with its failure noted. A full disk is the user's to mend first.
 */
async function attempt<T>(step: () => Promise<T>, problems: Failure[]): Promise<T | null> {
  try {
    return await step();
  } catch (error) {
    if (!(error instanceof Failure) || error.reason === "disk-full") throw error;
    problems.push(error);
    return null;
  }
}
