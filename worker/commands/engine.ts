import { spawn } from "node:child_process";
import { once } from "node:events";
import { constants } from "node:os";
import type { Command } from "commander";
import {
  hasTrainerEnvironment,
  readEngineState,
  trainerEnvironment,
} from "../engine/engine-state.ts";
import { type CommandOutput, helpExample, type Report } from "./command-report.ts";

/** Adds `engine …`. TensorFlow is loaded only by those that ask it something. */
export function registerEngineCommand(program: Command, output: CommandOutput): void {
  const engine = program.command("engine").description("the TensorFlow that trains");
  engine
    .command("install")
    .description("find, build and check a native TensorFlow; does nothing where one is whole")
    .option("--from <dir>", "the folder of a TensorFlow to use, such as site-packages/tensorflow")
    .addHelpText("after", helpExample("engine install --from ~/venv/lib/python3.11/site-packages"))
    .action(async (options: { from?: string }) => output.show(await install(options, output)));
  engine
    .command("info")
    .description("say which engine trains here")
    .addHelpText("after", helpExample("engine info --json"))
    .action(async () => output.show(await (hasTrainerEnvironment() ? describe() : startAgain())));
  engine
    .command("self-check <binding>", { hidden: true })
    .action(async (binding: string) => output.show(await checkBinding(binding)));
}

const CPU_NOTICE = "engine: cpu (pure JavaScript), tens of times slower than a native TensorFlow";

async function install({ from }: { from?: string }, { progress }: CommandOutput): Promise<Report> {
  const { installEngine } = await import("../engine/engine-install.ts");
  const { state, changed } = await installEngine({
    progress,
    ...(from !== undefined && { from }),
  });
  const done = changed ? "installed and checked" : "already installed";
  const lines =
    state.engine === "native"
      ? [`engine: TensorFlow ${state.tensorflow} in ${state.library} (${done})`]
      : [CPU_NOTICE, `no native engine, because: ${state.because}`];
  return { value: { ...state, changed }, lines };
}

async function describe(): Promise<Report> {
  const { loadEngine } = await import("../tensor/backend.ts");
  const info = await loadEngine();
  const state = readEngineState();
  const lines =
    state?.engine === "cpu"
      ? [CPU_NOTICE, `no native engine, because: ${state.because}`]
      : [
          `engine: TensorFlow ${info.tensorflow} on ${info.device}, ${info.threads} threads`,
          `library: ${info.library}`,
        ];
  return { value: info, lines };
}

/** Run by `engine install` in a process of its own, on an addon not yet recorded. */
async function checkBinding(binding: string): Promise<Report> {
  const { loadNativeEngine } = await import("../tensor/backend.ts");
  const { selfCheck } = await import("../engine/self-check.ts");
  const { TF_Version: tensorflow } = await loadNativeEngine(binding);
  selfCheck();
  return { value: { tensorflow }, lines: [] };
}

/** Runs this same command line with the trainer's environment, and ends as that run ends. */
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
