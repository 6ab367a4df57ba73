import { spawn } from "node:child_process";
import { once } from "node:events";
import { constants } from "node:os";
import { createInterface } from "node:readline";
import type { EngineInfo } from "../contract/trial-event.ts";
import {
  type FallbackEngine,
  hasTrainerEnvironment,
  trainerEnvironment,
} from "../engine/engine-state.ts";
import type { CommandOutput } from "./command-report.ts";

const FALLBACK_NOTICES: Record<FallbackEngine, string> = {
  wasm: "engine: wasm (WebAssembly on one thread), several times slower than a native TensorFlow",
  cpu: "engine: cpu (pure JavaScript), tens of times slower than a native TensorFlow",
};

/** The engine in words, as people are told which one computes. */
export function engineLine({ engine, tensorflow, device, threads }: EngineInfo): string {
  if (engine !== "native") return FALLBACK_NOTICES[engine];
  return `engine: TensorFlow ${tensorflow} on ${device}, ${threads} threads`;
}

/** What people are told of an engine that is no native one. */
export function fallbackLines(engine: FallbackEngine, because: string): string[] {
  return [FALLBACK_NOTICES[engine], `no native engine, because: ${because}`];
}

/**
 * Does what needs the engine in a process that was started for it: in this one, or else in another
 * with the same command line, whose end is this one's. What that says on stderr goes to `output`.
 */
export async function withEngine<T>(
  use: () => Promise<T>,
  output: Pick<CommandOutput, "progress">,
): Promise<T> {
  return hasTrainerEnvironment() ? use() : startAgain(output);
}

/** What TensorFlow says of itself to nobody in particular, and no setting silences. */
const IDLE_TALK = /^(?:WARNING: All log messages before absl::InitializeLog\(\)|I0000 )/;

async function startAgain({ progress }: Pick<CommandOutput, "progress">): Promise<never> {
  const child = spawn(process.execPath, process.argv.slice(1), {
    stdio: ["inherit", "inherit", "pipe"],
    env: { ...process.env, ...trainerEnvironment() },
  });
  for (const signal of ["SIGTERM", "SIGINT", "SIGHUP"] as const) {
    process.on(signal, () => child.kill(signal));
  }
  const ended = once(child, "exit");
  for await (const line of createInterface({ input: child.stderr })) {
    if (!IDLE_TALK.test(line)) progress(line);
  }
  await ended;
  process.exit(child.exitCode ?? 128 + constants.signals[child.signalCode ?? "SIGKILL"]);
}
