import { describe, expect, it } from "vitest";
import { z } from "zod";
import { parameterShapes } from "../../worker/model/blip-parameters.ts";
import { loraShapes } from "../../worker/model/lora-shapes.ts";
import { fixtureJson } from "./model-fixtures.ts";
import { publishedConfig } from "./published-config.ts";

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

function total(shapes: ReadonlyMap<string, readonly number[]>): number {
  const sizes = [...shapes.values()].map((shape) => shape.reduce((size, edge) => size * edge, 1));
  return sizes.reduce((sum, size) => sum + size, 0);
}

describe.each(Object.entries(models))("%s", (_name, counts) => {
  const config = publishedConfig(counts.parameter_shapes);

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
