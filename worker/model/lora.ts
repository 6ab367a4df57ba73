import * as tf from "@tensorflow/tfjs-core";
import type { LoraSettings } from "../contract/trial-spec.ts";
import type { NamedTensors } from "../tensor/named-tensors.ts";
import { uniformValues } from "../tensor/seeded-values.ts";
import type { BlipConfig } from "./blip-config.ts";
import { adaptedLayers, loraNames, loraShapes } from "./lora-shapes.ts";

/** New LoRA matrices as PEFT starts them: A uniform in ±1/sqrt(in), B zero. */
export function initialLora(config: BlipConfig, lora: LoraSettings, seed: number): NamedTensors {
  const matrices: NamedTensors = {};
  for (const [name, shape] of loraShapes(config, lora)) {
    if (!name.endsWith(".lora_A.weight")) {
      matrices[name] = tf.zeros(shape);
      continue;
    }
    const [rank, width] = shape;
    const limit = 1 / Math.sqrt(width);
    const source = { key: `${seed}/${name}`, count: rank * width };
    matrices[name] = tf.tensor2d(uniformValues(source, [-limit, limit]), shape);
  }
  return matrices;
}

/**
 * The adapted layers' weights with the adapter worked in: W + (alpha / r) B A, by the weights' own
 * names. New tensors, which the caller disposes.
 */
export function mergedWeights(
  weights: NamedTensors,
  config: BlipConfig,
  lora: LoraSettings,
): NamedTensors {
  const merged: NamedTensors = {};
  for (const layer of adaptedLayers(config, lora.target_modules)) {
    const { a, b } = loraNames(layer);
    const name = `${layer}.weight`;
    merged[name] = tf.tidy(() => {
      const change = tf.matMul(weights[b]!, weights[a]!);
      return tf.add(weights[name]!, tf.mul(change, lora.alpha / lora.r));
    });
  }
  return merged;
}
