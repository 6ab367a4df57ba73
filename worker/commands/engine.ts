import { type Command, Option } from "commander";
import { type FallbackEngine, readEngineState } from "../engine/engine-state.ts";
import { type CommandOutput, helpExample, type Report } from "./command-report.ts";
import { engineLine, fallbackLines, withEngine } from "./engine-process.ts";

/** Adds `engine …`. TensorFlow is loaded only by those that ask it something. */
export function registerEngineCommand(program: Command, output: CommandOutput): void {
  const engine = program.command("engine").description("the TensorFlow that trains");
  engine
    .command("install")
    .description("find, build and check a native TensorFlow; does nothing where one is whole")
    .option("--from <dir>", "the folder of a TensorFlow to use, such as site-packages/tensorflow")
    .option("--binding <file>", "a tfjs_binding.node built elsewhere, instead of compiling one")
    .addHelpText("after", helpExample("engine install --from ~/venv/lib/python3.11/site-packages"))
    .action(async (options: InstallChoices) => output.show(await install(options, output)));
  engine
    .command("info")
    .description("say which engine trains here")
    .addHelpText("after", helpExample("engine info --json"))
    .action(async () => output.show(await withEngine(describe, output)));
  engine
    .command("self-check [binding]", { hidden: true })
    .addOption(new Option("--fallback <engine>").choices(["wasm", "cpu"]))
    .action(async (binding: string | undefined, options: { fallback?: FallbackEngine }) => {
      const check = () => checkEngine(options.fallback);
      output.show(
        await (binding === undefined ? withEngine(check, output) : checkBinding(binding)),
      );
    });
  engine
    .command("ship", { hidden: true })
    .option("--portable", "one that needs no more than glibc 2.17")
    .action(async ({ portable = false }: { portable?: boolean }) => {
      const { shippedEngine } = await import("../engine/shipped-engine.ts");
      const { progress } = output;
      output.show({ value: await shippedEngine({ portable, progress }), lines: [] });
    });
}

interface InstallChoices {
  from?: string;
  binding?: string;
}

async function install(
  { from, binding }: InstallChoices,
  { progress }: CommandOutput,
): Promise<Report> {
  const { installEngine } = await import("../engine/engine-install.ts");
  const { state, changed } = await installEngine({
    progress,
    ...(from !== undefined && { from }),
    ...(binding !== undefined && { binding }),
  });
  const done = changed ? "installed and checked" : "already installed";
  const lines =
    state.engine === "native"
      ? [`engine: TensorFlow ${state.tensorflow} in ${state.library} (${done})`]
      : fallbackLines(state.engine, state.because);
  return { value: { ...state, changed }, lines };
}

async function describe(): Promise<Report> {
  const { loadEngine } = await import("../tensor/backend.ts");
  const info = await loadEngine();
  const state = readEngineState();
  const lines =
    state === null || state.engine === "native"
      ? [engineLine(info), `library: ${info.library}`]
      : fallbackLines(state.engine, state.because);
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

/** The recorded engine, or a fallback, loaded and checked as a trainer would use it. */
async function checkEngine(fallback: FallbackEngine | undefined): Promise<Report> {
  const { loadEngine } = await import("../tensor/backend.ts");
  const { selfCheck } = await import("../engine/self-check.ts");
  const info = await loadEngine(fallback === undefined ? {} : { engine: fallback });
  selfCheck();
  return { value: info, lines: [engineLine(info)] };
}
