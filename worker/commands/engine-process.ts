import { spawn } from "node:child_process";
import { once } from "node:events";
import { constants } from "node:os";
import type { EngineInfo } from "../contract/trial-event.ts";
import { hasTrainerEnvironment, trainerEnvironment } from "../engine/engine-state.ts";

export const CPU_NOTICE =
  "engine: cpu (pure JavaScript), tens of times slower than a native TensorFlow";

/** The engine in words, as people are told which one computes. */
export function engineLine({ engine, tensorflow, device, threads }: EngineInfo): string {
  if (engine === "cpu") return CPU_NOTICE;
  return `engine: TensorFlow ${tensorflow} on ${device}, ${threads} threads`;
}

/**
 * Does what needs the engine in a process that was started for it: in this one, or else in another
 * with the same command line, whose end is this one's.
 */
export async function withEngine<T>(use: () => Promise<T>): Promise<T> {
  return hasTrainerEnvironment() ? use() : startAgain();
}

async function startAgain(): Promise<never> {
  const child = spawn(process.execPath, process.argv.slice(1), {
    stdio: "inherit",
    env: { ...process.env, ...trainerEnvironment() },
  });
  for (const signal of ["SIGTERM", "SIGINT", "SIGHUP"] as const) {
    process.on(signal, () => child.kill(signal));
  }
  await once(child, "exit");
  process.exit(child.exitCode ?? 128 + constants.signals[child.signalCode ?? "SIGKILL"]);
}
