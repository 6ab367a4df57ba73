import path from "node:path";
import { dispose } from "@tensorflow/tfjs-core";
import { Failure } from "../contract/failure.ts";
import { readShardIndex, weightsFileOf, WEIGHTS_FILES } from "../files/model-weights.ts";
import { toTensor } from "../tensor/named-tensors.ts";
import type { NamedTensors } from "../tensor/named-tensors.ts";
import { readSafetensors } from "../tensor/safetensors.ts";
import type { StoredTensor } from "../tensor/safetensors.ts";
import { readTorchFile } from "../tensor/torch-file.ts";

const SHOWN_PROBLEMS = 3;

/**
 * All tensors of a model directory: of `model.safetensors`, else of the shards of its index, else of
 * `pytorch_model.bin`. Throws Failure `model-missing`, `model-invalid` or `file-invalid`.
 */
export async function readModelWeights(directory: string): Promise<Map<string, StoredTensor>> {
  const file = weightsFileOf(directory);
  if (file === "model.safetensors.index.json") return readShards(directory);
  if (file !== null) return readTensors(path.join(directory, file));
  throw new Failure({
    reason: "model-missing",
    message: `${directory} has no ${WEIGHTS_FILES.join(" or ")}`,
    remedy: "give a model directory in the Hugging Face layout",
  });
}

/** The tensors of one file: a pickle for `.bin`, else safetensors. Throws Failure `file-invalid`. */
export async function readTensors(file: string): Promise<Map<string, StoredTensor>> {
  return file.endsWith(".bin") ? readTorchFile(file) : (await readSafetensors(file)).tensors;
}

/** Each tensor is in the one shard that the index names for it, and there are no others. */
async function readShards(directory: string): Promise<Map<string, StoredTensor>> {
  const shards = await readShardIndex(directory);
  const tensors = new Map<string, StoredTensor>();
  const problems: string[] = [];
  for (const shard of new Set(shards.values())) {
    for (const [name, tensor] of await readTensors(path.join(directory, shard))) {
      if (shards.get(name) === shard) tensors.set(name, tensor);
      else problems.push(`${shard} holds ${name}, which it has ${shards.get(name) ?? "nowhere"}`);
    }
  }
  for (const [name, shard] of shards) {
    if (!tensors.has(name)) problems.push(`${shard} lacks ${name}`);
  }
  if (problems.length === 0) return tensors;
  const more =
    problems.length > SHOWN_PROBLEMS ? `; and ${problems.length - SHOWN_PROBLEMS} more` : "";
  throw new Failure({
    reason: "model-invalid",
    message: `the index of ${directory} does not fit its shards: ${problems.slice(0, SHOWN_PROBLEMS).join("; ")}${more}`,
    remedy: "use the files of one model together, or fetch them again",
  });
}

export interface ExpectedWeights {
  shapes: ReadonlyMap<string, readonly number[]>;
  /** Names that may stand in the file and are not needed. */
  ignored: RegExp;
  /** Where the tensors come from, for the message. */
  source: string;
  /** What the shapes follow from, for the message; by default the configuration of the weights. */
  basis?: ShapeBasis;
}

interface ShapeBasis {
  name: string;
  /** What to do about weights that do not fit it. */
  remedy: string;
}

const OWN_CONFIGURATION: ShapeBasis = {
  name: "its configuration",
  remedy:
    'use the files of one model together; where only the output matrix is missing, set "tie_word_embeddings": true in config.json',
};

/**
 * The stored tensors as tensors of the engine, once they are seen to be exactly the expected ones.
 * They are read one by one: memory holds the weights once. Throws Failure `model-invalid` that
 * names the first missing, unexpected and mis-shaped tensors and counts them, or the first that
 * holds what is no number, and Failure `file-invalid`.
 */
export async function takeWeights(
  stored: ReadonlyMap<string, StoredTensor>,
  { shapes, ignored, source, basis = OWN_CONFIGURATION }: ExpectedWeights,
): Promise<NamedTensors> {
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
      message: `the weights of ${source} do not fit ${basis.name}: ${problems.join("; ")}`,
      remedy: basis.remedy,
    });
  }
  const weights: NamedTensors = {};
  try {
    for (const name of shapes.keys()) {
      const { shape, read } = stored.get(name)!;
      const values = await read();
      checkFinite(values.data, { name, source });
      weights[name] = toTensor(values, shape);
    }
  } catch (error) {
    dispose(weights);
    throw error;
  }
  return weights;
}

/** One value that is no number would make every output none, a training later. */
function checkFinite(
  data: ArrayLike<number>,
  { name, source }: { name: string; source: string },
): void {
  let at = 0;
  while (at < data.length && Number.isFinite(data[at])) at += 1;
  if (at === data.length) return;
  throw new Failure({
    reason: "model-invalid",
    message: `the weights of ${source} are damaged: ${name} holds ${data[at]} at position ${at}`,
    remedy: "fetch these weights again, or use those of an earlier checkpoint",
  });
}

function listed(kind: string, names: string[]): string | null {
  if (names.length === 0) return null;
  const more = names.length > SHOWN_PROBLEMS ? ", …" : "";
  return `${names.length} ${kind} (${names.slice(0, SHOWN_PROBLEMS).join(", ")}${more})`;
}
