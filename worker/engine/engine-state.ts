import { randomBytes } from "node:crypto";
import { mkdirSync, readFileSync, renameSync, statSync, writeFileSync } from "node:fs";
import { availableParallelism } from "node:os";
import path from "node:path";
import { z } from "zod";
import { cacheDirectory } from "../files/user-directories.ts";

const NativeState = z.strictObject({
  version: z.literal(1),
  engine: z.literal("native"),
  /** The binding: a Node-API addon linked by name to the TensorFlow libraries. */
  binding: z.string(),
  /** Folder of the TensorFlow libraries. */
  library: z.string(),
  /** Version the library gave for itself. */
  tensorflow: z.string(),
  compiler: z.string(),
  /** Digest of what the binding was built from: see `bindingSources`. */
  sources: z.string(),
  /** Size in bytes of each library file when it was checked. */
  libraries: z.record(z.string(), z.number().int().positive()),
});
export type NativeState = z.infer<typeof NativeState>;

const FallbackState = z.strictObject({
  version: z.literal(1),
  /** WebAssembly, or JavaScript alone. */
  engine: z.enum(["wasm", "cpu"]),
  /** Why no engine before it in the order native, wasm, cpu is in use, as one line. */
  because: z.string(),
});
export type FallbackEngine = z.infer<typeof FallbackState>["engine"];

const EngineState = z.discriminatedUnion("engine", [NativeState, FallbackState]);
/** `engine.json` in the cache: the engine that trainers on this machine use. */
export type EngineState = z.infer<typeof EngineState>;

/** Files a TensorFlow folder must hold for the binding to run. */
export const LIBRARY_FILES = ["libtensorflow_cc.so.2", "libtensorflow_framework.so.2"];

/** The recorded engine; null where none was installed or the record cannot be read. */
export function readEngineState(): EngineState | null {
  try {
    return EngineState.parse(JSON.parse(readFileSync(stateFile(), "utf8")));
  } catch {
    return null;
  }
}

/** Records the engine, replacing the former record in one step. */
export function writeEngineState(state: EngineState): void {
  const file = stateFile();
  mkdirSync(path.dirname(file), { recursive: true });
  const partial = `${file}.${randomBytes(4).toString("hex")}`;
  writeFileSync(partial, `${JSON.stringify(state, null, 2)}\n`);
  renameSync(partial, file);
}

/** Sizes of the library files in a folder by name; null where one is missing. */
export function librarySizes(directory: string): Record<string, number> | null {
  const sizes: Record<string, number> = {};
  for (const name of LIBRARY_FILES) {
    const stats = statSync(path.join(directory, name), { throwIfNoEntry: false });
    if (!stats?.isFile()) return null;
    sizes[name] = stats.size;
  }
  return sizes;
}

/**
 * The environment a process needs from its start to load the engine: the dynamic linker reads
 * LD_LIBRARY_PATH only then. It is kept from all other processes. `threads` bounds what TensorFlow,
 * OpenMP and libuv use each; left out, all processors this process may use. `library` is the folder
 * of the TensorFlow libraries; left out, the recorded one.
 */
export function trainerEnvironment({
  threads = availableParallelism(),
  library = recordedLibrary(),
}: { threads?: number; library?: string | null } = {}): Record<string, string> {
  return {
    ...(library !== null && {
      LD_LIBRARY_PATH: [library, ...librarySearchPath().filter((each) => each !== library)].join(
        ":",
      ),
    }),
    ...tensorflowSettings(threads),
    OMP_NUM_THREADS: String(threads),
    UV_THREADPOOL_SIZE: String(threads),
    TF_CPP_MIN_LOG_LEVEL: "2",
    TF_FORCE_GPU_ALLOW_GROWTH: "true",
    // More arenas keep more of what is freed, and make no step faster.
    MALLOC_ARENA_MAX: "2",
  };
}

/**
 * What TensorFlow reads from the environment when it is loaded. It computes two parts of a batch at
 * the same time (`partsAtOnce`), so operations share half of the threads. Of itself it uses oneDNN
 * on some processors only, though it was faster wherever measured; it needs the signal shield.
 */
export function tensorflowSettings(threads: number): Record<string, string> {
  return {
    TF_NUM_INTEROP_THREADS: String(threads),
    TF_NUM_INTRAOP_THREADS: String(Math.ceil(threads / 2)),
    TF_ENABLE_ONEDNN_OPTS: "1",
  };
}

/** Whether this process was started so that the recorded engine can be loaded. */
export function hasTrainerEnvironment(): boolean {
  const library = recordedLibrary();
  return library === null || librarySearchPath().includes(library);
}

function recordedLibrary(): string | null {
  const state = readEngineState();
  return state?.engine === "native" ? state.library : null;
}

function librarySearchPath(): string[] {
  return (process.env["LD_LIBRARY_PATH"] ?? "").split(":").filter((each) => each !== "");
}

function stateFile(): string {
  return path.join(cacheDirectory(), "engine", "engine.json");
}
