import * as tf from "@tensorflow/tfjs-core";
import { Failure } from "../contract/failure.ts";
import type { LoraSettings } from "../contract/trial-spec.ts";
import type { NamedTensors } from "../tensor/named-tensors.ts";
import { uniformValues } from "../tensor/seeded-values.ts";
import type { BlipConfig } from "./blip-config.ts";
import { linearLayers, parameterShapes } from "./blip-parameters.ts";

/** The names that PEFT gives to a layer's LoRA matrices A [r, in] and B [out, r] in its files. */
export function loraNames(layer: string): { a: string; b: string } {
  const prefix = `base_model.model.${layer}`;
  return { a: `${prefix}.lora_A.weight`, b: `${prefix}.lora_B.weight` };
}

/**
 * The linear layers that `target_modules` names, by whole name or last parts, as PEFT matches them.
 * Throws Failure `model-invalid` for a target that no layer has.
 */
function adaptedLayers(config: BlipConfig, targets: readonly string[]): string[] {
  const layers = linearLayers(config);
  const absent = targets.filter((target) => !layers.some((layer) => isNamed(layer, target)));
  if (absent.length > 0) {
    const known = new Set(layers.map((layer) => layer.slice(layer.lastIndexOf(".") + 1)));
    throw new Failure({
      reason: "model-invalid",
      message: `the model has no linear layer ${absent.join(", ")} for lora.target_modules`,
      remedy: `name some of ${[...known].join(", ")}`,
    });
  }
  return layers.filter((layer) => targets.some((target) => isNamed(layer, target)));
}

/** Shapes of the LoRA matrices by their PEFT names, in the model's order. */
export function loraShapes(config: BlipConfig, lora: LoraSettings): Map<string, [number, number]> {
  const shapes = parameterShapes(config);
  const matrices = new Map<string, [number, number]>();
  for (const layer of adaptedLayers(config, lora.target_modules)) {
    const [to, from] = shapes.get(`${layer}.weight`)!;
    const { a, b } = loraNames(layer);
    matrices.set(a, [lora.r, from!]).set(b, [to!, lora.r]);
  }
  return matrices;
}

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

function isNamed(layer: string, target: string): boolean {
  return layer === target || layer.endsWith(`.${target}`);
}
