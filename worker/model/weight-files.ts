import { existsSync } from "node:fs";
import path from "node:path";
import { z } from "zod";
import { Failure } from "../contract/failure.ts";
import { readJsonFile } from "../files/json-file.ts";
import { toTensor } from "../tensor/named-tensors.ts";
import type { NamedTensors } from "../tensor/named-tensors.ts";
import { readSafetensors } from "../tensor/safetensors.ts";
import type { StoredTensor } from "../tensor/safetensors.ts";

export const WEIGHTS_FILE = "model.safetensors";
const INDEX_FILE = "model.safetensors.index.json";
const MAX_INDEX_BYTES = 64 * 2 ** 20;
const SHOWN_PROBLEMS = 3;

const ShardName = z
  .string()
  .refine((name) => path.basename(name) === name, "must be a plain file name");
const ShardIndex = z.object({ weight_map: z.record(z.string(), ShardName) });

/**
 * All tensors of a model directory, from `model.safetensors` or from the shards of its index.
 * Throws Failure `model-missing`, `model-invalid` or `file-invalid`.
 */
export async function readModelWeights(directory: string): Promise<Map<string, StoredTensor>> {
  const file = path.join(directory, WEIGHTS_FILE);
  if (existsSync(file)) return (await readSafetensors(file)).tensors;
  const index = path.join(directory, INDEX_FILE);
  if (!existsSync(index)) {
    throw new Failure({
      reason: "model-missing",
      message: `${directory} has no ${WEIGHTS_FILE}`,
      remedy: "give a model directory whose weights are in safetensors files",
    });
  }
  const tensors = new Map<string, StoredTensor>();
  for (const shard of await shardNames(index)) {
    const stored = await readSafetensors(path.join(directory, shard));
    for (const [name, tensor] of stored.tensors) tensors.set(name, tensor);
  }
  return tensors;
}

export interface ExpectedWeights {
  shapes: ReadonlyMap<string, readonly number[]>;
  /** Names that may stand in the file and are not needed. */
  ignored: RegExp;
  /** Where the tensors come from, for the message. */
  source: string;
}

/**
 * The stored tensors as tensors of the engine, once they are seen to be exactly the expected ones.
 * Empties `stored` on the way. Throws Failure `model-invalid` that names the first missing,
 * unexpected and mis-shaped tensors and counts them.
 */
export function takeWeights(
  stored: Map<string, StoredTensor>,
  { shapes, ignored, source }: ExpectedWeights,
): NamedTensors {
  const missing = [...shapes.keys()].filter((name) => !stored.has(name));
  const unexpected = [...stored.keys()].filter((name) => !shapes.has(name) && !ignored.test(name));
  const misshaped = [...shapes].flatMap(([name, shape]) => {
    const found = stored.get(name);
    if (found === undefined) return [];
    if (found.dtype !== "float32") return [`${name} holds ${found.dtype} instead of float32`];
    if (found.shape.join() === shape.join()) return [];
    return [`${name} is [${found.shape.join()}] instead of [${shape.join()}]`];
  });
  const problems = [
    listed("missing", missing),
    listed("unexpected", unexpected),
    listed("of another shape or type", misshaped),
  ].filter((problem) => problem !== null);
  if (problems.length > 0) {
    throw new Failure({
      reason: "model-invalid",
      message: `the weights of ${source} do not fit its configuration: ${problems.join("; ")}`,
      remedy:
        'use the files of one model together; where only the output matrix is missing, set "tie_word_embeddings": true in config.json',
    });
  }
  const weights: NamedTensors = {};
  for (const name of shapes.keys()) {
    weights[name] = toTensor(stored.get(name)!);
    stored.delete(name);
  }
  return weights;
}

function listed(kind: string, names: string[]): string | null {
  if (names.length === 0) return null;
  const more = names.length > SHOWN_PROBLEMS ? ", …" : "";
  return `${names.length} ${kind} (${names.slice(0, SHOWN_PROBLEMS).join(", ")}${more})`;
}

async function shardNames(file: string): Promise<Set<string>> {
  const index = await readJsonFile({
    file,
    schema: ShardIndex,
    maxBytes: MAX_INDEX_BYTES,
    missing: "model-missing",
    invalid: "file-invalid",
    remedy: "fetch this file again",
  });
  return new Set(Object.values(index.weight_map));
}
