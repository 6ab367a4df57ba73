import type { Command } from "commander";
import { Failure } from "../contract/failure.ts";
import { type CommandOutput, helpExample, type Report } from "./command-report.ts";

/** Adds `demo-set`. What decodes images is loaded only when it runs. */
export function registerDemoSetCommand(program: Command, output: CommandOutput): void {
  program
    .command("demo-set <directory>")
    .description("draw a captioned data set; does nothing where it is already")
    .option("--domain <name>", "scenes (two objects) or simple (one object)", "scenes")
    .option("--seed <n>", "equal seeds draw equal sets", "0")
    .option("--train <n>", "training images", "400")
    .option("--val <n>", "validation images", "100")
    .addHelpText("after", helpExample("demo-set .qsweep/data/demo"))
    .action(async (directory: string, options: DemoSetWords) => {
      output.show(await drawDemoSet(directory, options));
    });
}

type DemoSetWords = Record<"domain" | "seed" | "train" | "val", string>;

async function drawDemoSet(
  directory: string,
  { domain, ...numbers }: DemoSetWords,
): Promise<Report> {
  const { DemoSetOptions, writeDemoSet } = await import("../data/demo-set.ts");
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
