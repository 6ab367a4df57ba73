import { spawn } from "node:child_process";
import { Command, CommanderError } from "commander";
import { Failure } from "./contract/failure.ts";
import { installEngine } from "./engine/engine-install.ts";
import {
  hasTrainerEnvironment,
  readEngineState,
  trainerEnvironment,
} from "./engine/engine-state.ts";
import { selfCheck } from "./engine/self-check.ts";
import { loadEngine, loadNativeEngine } from "./tensor/backend.ts";

/** What a command found: one value under `--json`, lines for people otherwise. */
interface Report {
  value: unknown;
  lines: string[];
}

const json = process.argv.includes("--json");
const program = new Command("qsweep").exitOverride().configureOutput({ writeErr: () => {} });
const engine = program.command("engine").description("the TensorFlow that trains");

engine
  .command("install")
  .action(reporting(installCommand))
  .description("find, build and check a native TensorFlow; does nothing where one is whole")
  .option("--from <dir>", "the folder of a TensorFlow to use, such as site-packages/tensorflow");
engine
  .command("info")
  .description("say which engine trains here")
  .action(reporting(needingEngine(infoCommand)));
engine.command("self-check <binding>", { hidden: true }).action(reporting(selfCheckCommand));
for (const command of engine.commands) command.option("--json", "print one JSON value");

async function installCommand({ from }: { from?: string }): Promise<Report> {
  const { state, changed } = await installEngine({
    progress: (line) => process.stderr.write(`${line}\n`),
    ...(from !== undefined && { from }),
  });
  const done = changed ? "installed and checked" : "already installed";
  const lines =
    state.engine === "native"
      ? [`engine: TensorFlow ${state.tensorflow} in ${state.library} (${done})`]
      : [CPU_NOTICE, `no native engine, because: ${state.because}`];
  return { value: { ...state, changed }, lines };
}

const CPU_NOTICE = "engine: cpu (pure JavaScript), tens of times slower than a native TensorFlow";

async function infoCommand(): Promise<Report> {
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
async function selfCheckCommand(binding: string): Promise<Report> {
  const { TF_Version: tensorflow } = await loadNativeEngine(binding);
  selfCheck();
  return { value: { tensorflow }, lines: [] };
}

/** Wraps an action so that what it reports is printed. */
function reporting<P extends unknown[]>(action: (...parameters: P) => Promise<Report>) {
  return async (...parameters: P): Promise<void> => {
    const { value, lines } = await action(...parameters);
    process.stdout.write(json ? `${JSON.stringify(value)}\n` : `${lines.join("\n")}\n`);
  };
}

/** Wraps an action that loads the engine: it runs in a process started with what the engine needs. */
function needingEngine<P extends unknown[]>(action: (...parameters: P) => Promise<Report>) {
  return (...parameters: P): Promise<Report> =>
    hasTrainerEnvironment() ? action(...parameters) : startAgain();
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
  const [status, signal] = await new Promise<[number | null, NodeJS.Signals | null]>((resolve) => {
    child.on("exit", (...outcome) => resolve(outcome));
  });
  if (signal) {
    process.removeAllListeners(signal);
    process.kill(process.pid, signal);
  }
  process.exit(status ?? 1);
}

function showFailure(error: unknown): number {
  if (error instanceof CommanderError) {
    if (error.exitCode === 0) return 0;
    return showFailure(
      new Failure({
        reason: "usage",
        message: error.message.replace(/^error: /, ""),
        remedy: "see `--help`",
      }),
    );
  }
  if (!(error instanceof Failure)) throw error;
  if (json) process.stdout.write(`${JSON.stringify({ error })}\n`);
  else process.stderr.write(`error: ${error.message}\n  ${error.remedy}\n`);
  return error.reason === "usage" ? 2 : 1;
}

try {
  await program.parseAsync();
} catch (error) {
  process.exitCode = showFailure(error);
}
