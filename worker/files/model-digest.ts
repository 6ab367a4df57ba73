import { createHash } from "node:crypto";
import { stat } from "node:fs/promises";
import path from "node:path";
import { Failure } from "../contract/failure.ts";
import { fileDigest } from "./file-digest.ts";
import { WEIGHTS_FILES, weightsFilesOf } from "./model-weights.ts";

/** The files that define a model: of each group those present, and at least one. */
const CONFIGURATION = [
  ["config.json"],
  ["preprocessor_config.json"],
  ["tokenizer.json", "vocab.txt"],
];

export interface ModelFolder {
  directory: string;
  /** `random` draws the weights from a seed: those in the folder then take no part. */
  init: "pretrained" | "random";
}

/**
 * SHA-256 (hex) over the names and contents of the files that define a model in Hugging Face's
 * layout. Throws Failure `model-missing` if the folder or one of the files is not there.
 */
export async function modelDigest({ directory, init }: ModelFolder): Promise<string> {
  if (!(await isThere(directory))) throw missing(`there is no model folder ${directory}`);
  const names: string[] = [];
  for (const group of CONFIGURATION) names.push(...(await present(directory, group)));
  if (init === "pretrained") {
    const weights = await weightsFilesOf(directory);
    if (weights.length === 0) await present(directory, WEIGHTS_FILES);
    for (const name of weights) names.push(...(await present(directory, [name])));
  }
  const hash = createHash("sha256");
  for (const name of names) {
    hash.update(`${name} ${await fileDigest(path.join(directory, name))}\n`);
  }
  return hash.digest("hex");
}

async function present(directory: string, group: readonly string[]): Promise<string[]> {
  const found: string[] = [];
  for (const name of group) if (await isThere(path.join(directory, name))) found.push(name);
  if (found.length > 0) return found;
  throw missing(`the model folder ${directory} has no ${group.join(" or ")}`);
}

function missing(message: string): Failure {
  return new Failure({
    reason: "model-missing",
    message,
    remedy: "Put the model's files there in Hugging Face's layout, or name another folder.",
  });
}

async function isThere(file: string): Promise<boolean> {
  return stat(file).then(
    () => true,
    () => false,
  );
}
