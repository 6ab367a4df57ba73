import { existsSync } from "node:fs";
import { copyFile } from "node:fs/promises";
import path from "node:path";
import { type NamedTensors, writeNamedTensors } from "../tensor/named-tensors.ts";

/** What a directory needs beside the weights to be a whole model in the Hugging Face layout. */
const COMPANION_FILES = [
  "config.json",
  "generation_config.json",
  "preprocessor_config.json",
  "special_tokens_map.json",
  "tokenizer.json",
  "tokenizer_config.json",
  "vocab.txt",
];

const WEIGHTS_FILE = "model.safetensors";

/**
 * Writes a whole model into an existing directory, the files beside the weights being copies of
 * those in `from`; returns the files' names.
 */
export async function writeModelFolder(
  directory: string,
  { from, weights }: { from: string; weights: NamedTensors },
): Promise<string[]> {
  const companions = COMPANION_FILES.filter((name) => existsSync(path.join(from, name)));
  for (const name of companions) {
    await copyFile(path.join(from, name), path.join(directory, name));
  }
  await writeNamedTensors(path.join(directory, WEIGHTS_FILE), weights);
  return [...companions, WEIGHTS_FILE];
}
