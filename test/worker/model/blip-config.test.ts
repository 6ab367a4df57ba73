import { mkdtemp, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import path from "node:path";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { readBlipConfig } from "../../../worker/model/blip-config.ts";

let directory: string;
beforeAll(async () => {
  directory = await mkdtemp(path.join(tmpdir(), "qsweep-config-"));
});
afterAll(() => rm(directory, { recursive: true }));

async function read(config: unknown) {
  const text = typeof config === "string" ? config : JSON.stringify(config);
  await writeFile(path.join(directory, "config.json"), text);
  return readBlipConfig(directory);
}

it("fills in what Hugging Face leaves out", async () => {
  const { text_config, vision_config, tie_word_embeddings } = await read({ model_type: "blip" });
  expect(text_config).toMatchObject({
    vocab_size: 30524,
    num_attention_heads: 8,
    max_position_embeddings: 512,
    layer_norm_eps: 1e-12,
    bos_token_id: 30522,
    sep_token_id: 102,
    pad_token_id: 0,
    label_smoothing: 0,
  });
  expect(vision_config).toMatchObject({
    image_size: 384,
    patch_size: 16,
    num_attention_heads: 12,
    layer_norm_eps: 1e-5,
  });
  expect(tie_word_embeddings).toBe(false);
});

it("does not tie the head because a nested value says so", async () => {
  const text_config = { tie_word_embeddings: true };
  expect(await read({ model_type: "blip", text_config })).toMatchObject({
    tie_word_embeddings: false,
  });
});

describe("what cannot be built is refused by name", () => {
  it.each<[string, unknown, string]>([
    ["text that is not JSON", "{", "not JSON"],
    ["a list", [], "expected object"],
    ["another model", { model_type: "vit" }, "model_type"],
    ["a size as text", { model_type: "blip", text_config: { hidden_size: "32" } }, "hidden_size"],
    ["an absurd size", { model_type: "blip", text_config: { vocab_size: 1e12 } }, "vocab_size"],
    [
      "layers below 1",
      { model_type: "blip", vision_config: { num_hidden_layers: 0 } },
      "num_hidden_layers",
    ],
    [
      "another activation",
      { model_type: "blip", vision_config: { hidden_act: "relu" } },
      "hidden_act",
    ],
    [
      "heads that do not divide",
      { model_type: "blip", text_config: { hidden_size: 30 } },
      "multiple of num_attention_heads",
    ],
    [
      "patches that do not fit",
      { model_type: "blip", vision_config: { image_size: 100 } },
      "multiple of patch_size",
    ],
    [
      "tokens outside the vocabulary",
      { model_type: "blip", text_config: { vocab_size: 99 } },
      "below vocab_size",
    ],
  ])("%s", async (_title, config, message) => {
    const failure = await read(config).catch((error: unknown) => error);
    expect(failure).toMatchObject({ reason: "model-invalid" });
    expect(String(failure)).toContain(message);
  });

  it("a directory without config.json", async () => {
    const absent = readBlipConfig(path.join(directory, "absent"));
    await expect(absent).rejects.toMatchObject({ reason: "model-missing" });
  });
});
