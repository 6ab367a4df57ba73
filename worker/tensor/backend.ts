import { createRequire } from "node:module";
import { availableParallelism } from "node:os";
import util from "node:util";
import * as tf from "@tensorflow/tfjs-core";
import { Failure } from "../contract/failure.ts";
import type { EngineInfo } from "../contract/trial-event.ts";
import {
  type FallbackEngine,
  readEngineState,
  tensorflowSettings,
} from "../engine/engine-state.ts";
import { isShielded } from "../engine/signal-shield.ts";
import type { GraphMessages } from "./compile/graph-messages.ts";
import { registerNativeGather } from "./native-gather.ts";
import { registerWasmKernels } from "./wasm-kernels.ts";

const require = createRequire(import.meta.url);

/** What the native addon offers, as far as it is used here. */
interface Binding {
  TF_Version: string;
  isUsingGpuDevice(): boolean;
}

interface NativeBackendModule {
  NodeJSKernelBackend: new (binding: Binding, packageName: string) => tf.KernelBackend;
}

/**
 * Makes the installed engine current for all of `@tensorflow/tfjs-core` and says what it is. An
 * engine recorded as native is never replaced silently: where it does not load, and where none was
 * installed, Failure `engine-missing` is thrown. The process must have been started with
 * `trainerEnvironment`. `engine` asks for one of the fallbacks whatever is installed.
 */
export async function loadEngine(
  options: { threads?: number; engine?: FallbackEngine } = {},
): Promise<EngineInfo> {
  if (options.engine !== undefined) return loadFallback(options.engine);
  const threads = options.threads ?? threadsOfEnvironment();
  const state = readEngineState();
  if (state === null) {
    throw new Failure({
      reason: "engine-missing",
      message: "no engine is installed",
      remedy: "run `npx qsweep engine install`",
    });
  }
  if (state.engine !== "native") return loadFallback(state.engine);
  // Read when the addon is loaded; setting them here reaches C's getenv.
  Object.assign(process.env, tensorflowSettings(threads));
  const binding = await loadNativeEngine(state.binding);
  return {
    engine: "native",
    tensorflow: binding.TF_Version,
    device: binding.isUsingGpuDevice() ? "gpu" : "cpu",
    library: state.library,
    threads,
  };
}

/** As `loadEngine`, but throws Failure `gpu-unknown` where the engine would run on the CPU. */
export async function loadEngineOnGpu(): Promise<EngineInfo> {
  const engine = await loadEngine();
  if (engine.device !== "cpu") return engine;
  const devices = process.env["CUDA_VISIBLE_DEVICES"];
  throw new Failure({
    reason: "gpu-unknown",
    message: `the ${engine.engine} engine runs on the CPU, with CUDA_VISIBLE_DEVICES=${devices}`,
    remedy: "a CUDA build of TensorFlow and its libraries, or sge.gpu_rule: none, is needed",
  });
}

/**
 * Makes the native engine of an addon file current; Failure `engine-missing` if it does not load.
 */
export async function loadNativeEngine(file: string): Promise<Binding> {
  registerKernelsAndGradients();
  const binding = requireBinding(file);
  // Its part alone: the package's index looks for an addon that an install script would fetch.
  const {
    NodeJSKernelBackend,
  }: NativeBackendModule = require("@tensorflow/tfjs-node-gpu/dist/nodejs_kernel_backend.js");
  if (tf.findBackend("tensorflow") === null) {
    tf.registerBackend("tensorflow", () => new NodeJSKernelBackend(binding, "tensorflow"));
  }
  if (!(await tf.setBackend("tensorflow"))) throw new Error("the native backend refused to start");
  return binding;
}

/** The package's protobuf classes of TensorFlow's graphs. */
export function graphMessages(): GraphMessages {
  const messages: GraphMessages = require("@tensorflow/tfjs-node-gpu/dist/proto/api_pb.js");
  return messages;
}

/** Both compute in this thread. */
async function loadFallback(engine: FallbackEngine): Promise<EngineInfo> {
  registerKernelsAndGradients();
  if (engine === "wasm") {
    void require("@tensorflow/tfjs-backend-wasm");
    registerWasmKernels();
  }
  if (!(await tf.setBackend(engine))) {
    throw new Failure({
      reason: "engine-missing",
      message: `the ${engine} engine does not start`,
      remedy: "run `npx qsweep engine install`",
    });
  }
  // Suppresses its advice to install a native engine: we say it ourselves where it is a choice.
  if (engine === "cpu") Object.assign(tf.backend(), { firstUse: false });
  return { engine, tensorflow: null, device: "cpu", library: null, threads: 1 };
}

/** `@tensorflow/tfjs` brings the gradients and the cpu kernels; the native kernels come beside. */
function registerKernelsAndGradients(): void {
  // tfjs-node calls this, of which Node 22 warns and which Node 23 removed.
  const legacy: { isNullOrUndefined?: (value: unknown) => boolean } = util;
  legacy.isNullOrUndefined = (value) => value === null || value === undefined;
  void require("@tensorflow/tfjs-node-gpu/dist/register_all_kernels.js");
  registerNativeGather();
}

function requireBinding(file: string): Binding {
  try {
    const binding: Binding = require(file);
    if (!isShielded()) throw new Error(`an earlier qsweep built ${file}`);
    return binding;
  } catch (error) {
    const problem = error instanceof Error ? error.message.split("\n")[0] : String(error);
    throw new Failure({
      reason: "engine-missing",
      message: `the native engine does not load: ${problem}`,
      remedy: "run `npx qsweep engine install`, and start trainers through qsweep",
      cause: error,
    });
  }
}

function threadsOfEnvironment(): number {
  const threads = Number(process.env["TF_NUM_INTEROP_THREADS"]);
  return Number.isInteger(threads) && threads > 0 ? threads : availableParallelism();
}
