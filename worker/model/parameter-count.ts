import type { LoraSettings } from "../contract/trial-spec.ts";
import type { BlipConfig } from "./blip-config.ts";
import { parameterShapes } from "./blip-parameters.ts";
import { loraShapes } from "./lora-shapes.ts";

export interface ParameterCount {
  /** Of the whole model, an adapter's included. */
  parameters: number;
  trainable: number;
  /** What part of all is trained. */
  percent: number;
  /** The same parameters by what they are part of. */
  parts: { name: string; parameters: number }[];
}

const PARTS: [name: string, beginning: string][] = [
  ["image encoder", "vision_model."],
  ["word and position embeddings", "text_decoder.bert.embeddings."],
  ["text decoder", "text_decoder.bert.encoder."],
  ["word prediction", "text_decoder.cls."],
  ["adapter", "base_model."],
];

/**
 * How many parameters a model has and how many of them full fine-tuning, or LoRA with these
 * settings, trains, as PEFT counts them. Follows from the sizes alone: no weights are read or made.
 * Throws Failure `model-invalid` for a target that no layer has.
 */
export function countParameters(config: BlipConfig, lora: LoraSettings | null): ParameterCount {
  const adapter = lora === null ? new Map<string, number[]>() : loraShapes(config, lora);
  const shapes = [...parameterShapes(config), ...adapter];
  const count = (beginning: string) =>
    shapes
      .filter(([name]) => name.startsWith(beginning))
      .reduce((sum, [, shape]) => sum + shape.reduce((size, edge) => size * edge, 1), 0);
  const parameters = count("");
  const trainable = lora === null ? parameters : count("base_model.");
  const parts = PARTS.map(([name, beginning]) => ({ name, parameters: count(beginning) }));
  return {
    parameters,
    trainable,
    percent: (100 * trainable) / parameters,
    parts: parts.filter((part) => part.parameters > 0),
  };
}
