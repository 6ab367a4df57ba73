import { existsSync } from "node:fs";
import { writeFile } from "node:fs/promises";
import path from "node:path";
import { z } from "zod";
import type { LoraSettings } from "../contract/trial-spec.ts";
import { readJsonFile } from "../files/json-file.ts";
import { writeNamedTensors } from "../tensor/named-tensors.ts";
import type { NamedTensors } from "../tensor/named-tensors.ts";
import type { BlipConfig } from "./blip-config.ts";
import { loraShapes } from "./lora-shapes.ts";
import { readTensors, takeWeights } from "./weight-files.ts";

const CONFIG_FILE = "adapter_config.json";
const ADAPTER_FILE = "adapter_model.safetensors";
/** As older versions of PEFT write it; read where the other is not there. */
const PICKLED_ADAPTER_FILE = "adapter_model.bin";
const MAX_CONFIG_BYTES = 2 ** 20;

const ADAPTED_MODEL = {
  name: "the model that they are to adapt",
  remedy: "give an adapter together with the model that it was trained on",
};

/** What of PEFT's `adapter_config.json` changes the result; other variants of LoRA are refused. */
const AdapterConfig = z.object({
  peft_type: z.literal("LORA"),
  r: z.number().int().positive().max(65_536),
  lora_alpha: z.number().positive(),
  lora_dropout: z.number().min(0).lt(1).default(0),
  target_modules: z.array(z.string().min(1)).min(1),
  bias: z.literal("none").default("none"),
  fan_in_fan_out: z.literal(false).nullish(),
  use_rslora: z.literal(false).nullish(),
  use_dora: z.literal(false).nullish(),
  lora_bias: z.literal(false).nullish(),
  rank_pattern: z.strictObject({}).nullish(),
  alpha_pattern: z.strictObject({}).nullish(),
  modules_to_save: z.null().optional(),
  layers_to_transform: z.null().optional(),
  exclude_modules: z.null().optional(),
  target_parameters: z.null().optional(),
  trainable_token_indices: z.null().optional(),
  layer_replication: z.null().optional(),
  use_qalora: z.literal(false).nullish(),
});

/** Whether a directory holds an adapter rather than a whole model. */
export function holdsAdapter(directory: string): boolean {
  return existsSync(path.join(directory, CONFIG_FILE));
}

/**
 * The LoRA settings of a PEFT adapter directory. Throws Failure `model-missing`, or `model-invalid`
 * also for variants of LoRA that are not implemented.
 */
export async function readAdapterSettings(directory: string): Promise<LoraSettings> {
  const adapter = await readJsonFile({
    file: path.join(directory, CONFIG_FILE),
    schema: AdapterConfig,
    maxBytes: MAX_CONFIG_BYTES,
    missing: "model-missing",
    invalid: "model-invalid",
    remedy: "use a plain LoRA adapter as PEFT writes it: linear layers, bias none, one rank",
  });
  const { r, lora_alpha: alpha, lora_dropout: dropout, target_modules } = adapter;
  return { r, alpha, dropout, target_modules };
}

/** The LoRA matrices of an adapter directory by their PEFT names; checked against the settings. */
export async function readAdapter(
  directory: string,
  config: BlipConfig,
  lora: LoraSettings,
): Promise<NamedTensors> {
  const isThere = (name: string) => existsSync(path.join(directory, name));
  const isPickled = !isThere(ADAPTER_FILE) && isThere(PICKLED_ADAPTER_FILE);
  const file = path.join(directory, isPickled ? PICKLED_ADAPTER_FILE : ADAPTER_FILE);
  const tensors = await readTensors(file);
  const shapes = loraShapes(config, lora);
  return takeWeights(tensors, { shapes, ignored: /^$/, source: directory, basis: ADAPTED_MODEL });
}

/** Writes an adapter as PEFT does and returns the names of its files. */
export async function writeAdapter(
  directory: string,
  { matrices, lora, base }: { matrices: NamedTensors; lora: LoraSettings; base: string },
): Promise<string[]> {
  const config = {
    peft_type: "LORA",
    base_model_name_or_path: base,
    r: lora.r,
    lora_alpha: lora.alpha,
    lora_dropout: lora.dropout,
    target_modules: lora.target_modules,
    bias: "none",
    fan_in_fan_out: false,
    inference_mode: true,
    init_lora_weights: true,
    task_type: null,
  };
  await writeFile(path.join(directory, CONFIG_FILE), `${JSON.stringify(config, null, 2)}\n`);
  await writeNamedTensors(path.join(directory, ADAPTER_FILE), matrices);
  return [CONFIG_FILE, ADAPTER_FILE];
}
