import { existsSync } from "node:fs";
import { setTimeout } from "node:timers/promises";
import { type Command, InvalidArgumentError } from "commander";
import type { LoraSettings } from "../contract/trial-spec.ts";
import { fetchedModel } from "../files/hub-models.ts";
import { fetchModel } from "../hub/fetch-model.ts";
import { hubSettings } from "../hub/hub-settings.ts";
import { readBlipConfig } from "../model/blip-config.ts";
import { countParameters } from "../model/parameter-count.ts";
import { type CommandOutput, helpExample, type Report } from "./command-report.ts";
import { withEngine } from "./engine-process.ts";

/** Adds `model …`: only `merge` needs TensorFlow, and loads it. */
export function registerModelCommand(program: Command, output: CommandOutput): void {
  const model = program.command("model").description("count, fetch and merge models");
  model
    .command("info")
    .description("count a model's parameters, all and trainable, from its config.json alone")
    .argument("<config>", "a model folder, a config.json, or the name of a fetched model")
    .option("--lora <settings>", "train an adapter: r=RANK,targets=NAME,NAME", readLora)
    .addHelpText(
      "after",
      helpExample("model info models/blip-large --lora r=8,targets=query,value"),
    )
    .action(async (config: string, { lora = null }: { lora?: LoraSettings | null }) => {
      output.show(await describe(config, lora));
    });
  model
    .command("fetch")
    .description("download a model from the hub of HF_ENDPOINT into the Hugging Face cache")
    .argument("<name>", "such as Salesforce/blip-image-captioning-base")
    .option("--revision <revision>", "a branch, a tag or a commit", "main")
    .addHelpText("after", helpExample("model fetch Salesforce/blip-image-captioning-base"))
    .action(async (name: string, { revision }: { revision: string }) => {
      output.show(await fetchInto(name, revision, output));
    });
  model
    .command("merge")
    .description("work an adapter into the model it was trained on, and write the whole model")
    .argument("<base>", "the model's folder, or the name of a fetched model")
    .argument("<adapter>", "the adapter's folder, as PEFT writes it")
    .argument("<out>", "a folder that does not exist yet")
    .addHelpText("after", helpExample("model merge models/blip-large best/lora merged"))
    .action(async (base: string, adapter: string, out: string) => {
      const { mergeAdapter } = await import("./merge-adapter.ts");
      output.show(
        await withEngine(() => mergeAdapter({ base: placeOf(base), adapter, out }, output), output),
      );
    });
}

/** `r=8,targets=query,value`: the targets are last, as their list has commas itself. */
function readLora(words: string): LoraSettings {
  const match = /^r=(\d{1,5}),targets=(.+)$/.exec(words);
  const [, rank, targets] = match ?? [];
  const target_modules = targets?.split(",") ?? [];
  if (Number(rank) < 1 || target_modules.length === 0 || target_modules.includes("")) {
    throw new InvalidArgumentError("Give it as r=8,targets=query,value.");
  }
  // Neither changes a count.
  return { r: Number(rank), alpha: 1, dropout: 0, target_modules };
}

/** What is there by that name, else the fetched model of that name. */
function placeOf(model: string): string {
  return existsSync(model) ? model : (fetchedModel(model, process.env) ?? model);
}

async function describe(config: string, lora: LoraSettings | null): Promise<Report> {
  const { parts, ...value } = countParameters(await readBlipConfig(placeOf(config)), lora);
  const rows = [
    ...parts.map(({ name, parameters }) => [name, parameters] as const),
    ["all", value.parameters] as const,
    ["trainable", value.trainable] as const,
  ];
  const cells = rows.map(([name, count]) => [name, count.toLocaleString("en")] as const);
  const widths = [0, 1].map((column) => Math.max(...cells.map((row) => row[column]!.length)));
  const table = cells.map(
    ([name, count]) => `${name.padEnd(widths[0]!)}  ${count.padStart(widths[1]!)}`,
  );
  table.push(`${table.pop()}  (${value.percent.toFixed(4)} %)`);
  return { value, lines: table };
}

const pause = (milliseconds: number): Promise<void> => setTimeout(milliseconds);

async function fetchInto(
  name: string,
  revision: string,
  { progress }: CommandOutput,
): Promise<Report> {
  const settings = hubSettings(process.env);
  const fetched = await fetchModel({ name, revision, settings, pause, progress });
  const { commit, directory, files } = fetched;
  const bytes = files.reduce((sum, file) => sum + file.bytes, 0);
  const size = `${files.length} files, ${(bytes / 1e6).toFixed(1)} MB`;
  return { value: fetched, lines: [`${name} at ${commit}: ${size}`, directory] };
}
