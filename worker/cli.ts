import { spawn } from "node:child_process";
import { once } from "node:events";
import { constants } from "node:os";
import { Command, CommanderError } from "commander";
import { Failure } from "./contract/failure.ts";
import { DemoSetOptions, writeDemoSet } from "./data/demo-set.ts";
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
const program = new Command("qsweep").exitOverride().configureOutput({ outputError: () => {} });
const engine = program.command("engine").description("the TensorFlow that trains");

engine
  .command("install")
  .description("find, build and check a native TensorFlow; does nothing where one is whole")
  .option("--from <dir>", "the folder of a TensorFlow to use, such as site-packages/tensorflow")
  .addHelpText("after", example("engine install --from ~/venv/lib/python3.11/site-packages"))
  .action(reporting(installCommand));
engine
  .command("info")
  .description("say which engine trains here")
  .addHelpText("after", example("engine info --json"))
  .action(reporting(needingEngine(infoCommand)));
engine.command("self-check <binding>", { hidden: true }).action(reporting(selfCheckCommand));
const demoSet = program
  .command("demo-set <directory>")
  .description("draw a captioned data set; does nothing where it is already")
  .option("--domain <name>", "scenes (two objects) or simple (one object)", "scenes")
  .option("--seed <n>", "equal seeds draw equal sets", "0")
  .option("--train <n>", "training images", "400")
  .option("--val <n>", "validation images", "100")
  .addHelpText("after", example("demo-set .qsweep/data/demo"))
  .action(reporting(demoSetCommand));
for (const command of [...engine.commands, demoSet]) {
  command.option("--json", "print exactly one JSON value, errors too");
}

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

async function demoSetCommand(
  directory: string,
  { domain, ...numbers }: Record<"domain" | "seed" | "train" | "val", string>,
): Promise<Report> {
  const parsed = DemoSetOptions.safeParse({
    domain,
    seed: Number(numbers.seed),
    train: Number(numbers.train),
    val: Number(numbers.val),
  });
  if (!parsed.success) {
    const [issue] = parsed.error.issues;
    throw new Failure({
      reason: "usage",
      message: `--${issue?.path.join(".")}: ${issue?.message}`,
      remedy: "see `qsweep demo-set --help`",
    });
  }
  await writeDemoSet(directory, parsed.data);
  const { train, val } = parsed.data;
  const line = `demo set (${domain}): ${train} training and ${val} validation images`;
  return { value: { directory, ...parsed.data }, lines: [line] };
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

function example(words: string): string {
  return `\nExample:\n  $ qsweep ${words}`;
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
  await once(child, "exit");
  process.exit(child.exitCode ?? 128 + constants.signals[child.signalCode ?? "SIGKILL"]);
}

function showFailure(error: unknown): number {
  if (error instanceof CommanderError) {
    if (error.code === "commander.help") return 2; // No command was given: its help is shown.
    if (error.exitCode === 0) return 0;
    const message = error.message.replace(/^error: /, "").replaceAll("\n", " ");
    return showFailure(new Failure({ reason: "usage", message, remedy: "see `--help`" }));
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
