import path from "node:path";
import { z } from "zod";
import { Failure } from "../contract/failure.ts";
import { readJsonFile } from "../files/json-file.ts";
import { holdsAdapter } from "./adapter-files.ts";
import { type LoadCaptionerOptions, loadCaptioner } from "./blip-captioner.ts";
import type { Captioner } from "./captioner.ts";
import { loadCnnLstm } from "./cnn-lstm/cnn-lstm-captioner.ts";
import { MODEL_TYPE } from "./cnn-lstm/cnn-lstm-config.ts";

const MAX_CONFIG_BYTES = 2 ** 20;
const AnyConfig = z.object({ model_type: z.string() });

export interface OpenCaptionerOptions extends Omit<LoadCaptionerOptions, "method"> {
  method: LoadCaptionerOptions["method"] | "cnn-lstm";
}

/**
 * Loads a captioner of the kind that the method trains; with `untuned`, of the kind that its
 * config.json says. Throws Failure `model-missing`, `model-invalid` or `file-invalid`.
 */
export async function openCaptioner(options: OpenCaptionerOptions): Promise<Captioner> {
  const { method, directory, trainedFrom } = options;
  if (
    method !== "cnn-lstm" &&
    (method !== "untuned" || (await modelType(directory)) !== MODEL_TYPE)
  ) {
    return loadCaptioner({ ...options, method });
  }
  if (trainedFrom === undefined || !holdsAdapter(trainedFrom)) return loadCnnLstm(options);
  throw new Failure({
    reason: "model-invalid",
    message: `${trainedFrom} is an adapter, which the CNN-LSTM model in ${directory} cannot take`,
    remedy: "give the model alone, or the BLIP model that the adapter was trained on",
  });
}

async function modelType(directory: string): Promise<string> {
  const { model_type } = await readJsonFile({
    file: path.join(directory, "config.json"),
    schema: AnyConfig,
    maxBytes: MAX_CONFIG_BYTES,
    missing: "model-missing",
    invalid: "model-invalid",
    remedy: "give a model folder in the Hugging Face layout",
  });
  return model_type;
}
