import { describe, expect, it } from "vitest";
import { z } from "zod";
import { BlipConfig } from "../../worker/model/blip-config.ts";
import { parameterShapes } from "../../worker/model/blip-parameters.ts";
import { loraShapes } from "../../worker/model/lora-shapes.ts";
import { fixtureJson } from "./model-fixtures.ts";

const Counts = z.object({
  full: z.number(),
  full_if_tied: z.number(),
  lora: z.record(
    z.string(),
    z.object({ trainable: z.number(), total: z.number(), tensors: z.number() }),
  ),
  parameter_shapes: z.record(z.string(), z.array(z.number())),
});
const models = fixtureJson("parameter-counts.json", z.record(z.string(), Counts));

/** The sizes that the shapes show; how many heads there are changes no shape. */
function configOf(shapes: Record<string, number[]>): BlipConfig {
  const count = (pattern: RegExp) =>
    Object.keys(shapes).filter((name) => pattern.test(name)).length;
  const shape = (name: string) => shapes[name]!;
  const patch_size = shape("vision_model.embeddings.patch_embedding.weight")[2]!;
  const [, positions, width] = shape("vision_model.embeddings.position_embedding");
  const text = "text_decoder.bert.embeddings";
  return BlipConfig.parse({
    model_type: "blip",
    vision_config: {
      hidden_size: width,
      intermediate_size: shape("vision_model.encoder.layers.0.mlp.fc1.bias")[0],
      num_hidden_layers: count(/\.qkv\.weight$/),
      num_attention_heads: 1,
      image_size: patch_size * Math.sqrt(positions! - 1),
      patch_size,
    },
    text_config: {
      vocab_size: shape(`${text}.word_embeddings.weight`)[0],
      hidden_size: shape(`${text}.word_embeddings.weight`)[1],
      intermediate_size: shape("text_decoder.bert.encoder.layer.0.intermediate.dense.bias")[0],
      num_hidden_layers: count(/\.crossattention\.self\.query\.weight$/),
      num_attention_heads: 1,
      max_position_embeddings: shape(`${text}.position_embeddings.weight`)[0],
    },
  });
}

function total(shapes: ReadonlyMap<string, readonly number[]>): number {
  const sizes = [...shapes.values()].map((shape) => shape.reduce((size, edge) => size * edge, 1));
  return sizes.reduce((sum, size) => sum + size, 0);
}

describe.each(Object.entries(models))("%s", (_name, counts) => {
  const config = configOf(counts.parameter_shapes);

  it("has every parameter of the published model by name and shape", () => {
    expect(Object.fromEntries(parameterShapes(config))).toEqual(counts.parameter_shapes);
    expect(total(parameterShapes(config))).toBe(counts.full);
  });

  it("has one matrix less with a tied head", () => {
    expect(total(parameterShapes({ ...config, tie_word_embeddings: true }))).toBe(
      counts.full_if_tied,
    );
  });

  it.each(Object.entries(counts.lora))("has PEFT's trainable parameters for r = %s", (r, lora) => {
    const target_modules = ["query", "value"];
    const shapes = loraShapes(config, { r: Number(r), alpha: 32, dropout: 0.1, target_modules });
    expect(shapes.size).toBe(lora.tensors);
    expect(total(shapes)).toBe(lora.trainable);
    expect(total(shapes) + total(parameterShapes(config))).toBe(lora.total);
  });
});
