import { buildBinding, zigCompiler } from "./binding-build.ts";
import { readEngineState } from "./engine-state.ts";
import { fetchedLibrary, givenLibrary } from "./tensorflow-library.ts";

const CLUSTER = "linux-x64";

/** What a cluster without an engine is sent; for Linux on x86-64. */
export interface ShippedEngine {
  binding: string;
  compiler: string;
  /** Folder with the TensorFlow libraries. */
  library: string;
}

/**
 * The engine to send: this machine's where it is of the cluster's platform, else one built by zig.
 * `portable` asks for the latter in any case: it needs no more than glibc 2.17. Throws the failures
 * of `fetchWheel`, or Failure `engine-build`.
 */
export async function shippedEngine({
  portable,
  progress,
}: {
  portable: boolean;
  progress: (line: string) => void;
}): Promise<ShippedEngine> {
  const own = ownEngine();
  if (own && (!portable || own.compiler.startsWith("ziglang"))) return own;
  const library = own
    ? givenLibrary(own.library, { headers: true })
    : await fetchedLibrary(progress, CLUSTER);
  const compiler = await zigCompiler(progress, CLUSTER);
  progress(`building the engine with ${compiler.name}: this takes minutes, once`);
  const binding = await buildBinding(library.directory, compiler);
  return { binding, compiler: compiler.name, library: library.directory };
}

function ownEngine(): ShippedEngine | null {
  const state = readEngineState();
  if (state?.engine !== "native" || `${process.platform}-${process.arch}` !== CLUSTER) return null;
  const { binding, compiler, library } = state;
  return { binding, compiler, library };
}
