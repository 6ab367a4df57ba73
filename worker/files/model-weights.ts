import { existsSync } from "node:fs";
import path from "node:path";
import { z } from "zod";
import { readJsonFile } from "./json-file.ts";

const WEIGHTS_INDEX = "model.safetensors.index.json";
const MAX_INDEX_BYTES = 64 * 2 ** 20;

const ShardName = z
  .string()
  .refine((name) => path.basename(name) === name && name !== "..", "must be a plain file name");
const ShardIndex = z.object({ weight_map: z.record(z.string(), ShardName) });

/** The file whose presence decides how a model folder keeps its weights, in order of preference. */
export const WEIGHTS_FILES = ["model.safetensors", WEIGHTS_INDEX, "pytorch_model.bin"] as const;
export type WeightsFile = (typeof WEIGHTS_FILES)[number];

/** The file that says where a model folder's weights are; null where there are none. */
export function weightsFileOf(directory: string): WeightsFile | null {
  return WEIGHTS_FILES.find((name) => existsSync(path.join(directory, name))) ?? null;
}

/**
 * The shard that holds each tensor, by the tensor's name, as the index of a sharded model says.
 * Throws Failure `model-missing` without index and `file-invalid` for a malformed one.
 */
export async function readShardIndex(directory: string): Promise<Map<string, string>> {
  const { weight_map } = await readJsonFile({
    file: path.join(directory, WEIGHTS_INDEX),
    schema: ShardIndex,
    maxBytes: MAX_INDEX_BYTES,
    missing: "model-missing",
    invalid: "file-invalid",
    remedy: "fetch this file again",
  });
  return new Map(Object.entries(weight_map));
}

/** Names of all files that hold a model's weights, in order. Errors as `readShardIndex`. */
export async function weightsFilesOf(directory: string): Promise<string[]> {
  const file = weightsFileOf(directory);
  if (file === null) return [];
  if (file !== WEIGHTS_INDEX) return [file];
  return [file, ...new Set((await readShardIndex(directory)).values())].toSorted();
}
