import { Failure } from "../contract/failure.ts";
import type { LoraSettings } from "../contract/trial-spec.ts";
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
export function adaptedLayers(config: BlipConfig, targets: readonly string[]): string[] {
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

function isNamed(layer: string, target: string): boolean {
  return layer === target || layer.endsWith(`.${target}`);
}
