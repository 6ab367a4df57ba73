import { readdir, writeFile } from "node:fs/promises";
import path from "node:path";
import * as tf from "@tensorflow/tfjs-core";
import { describe, expect, it } from "vitest";
import { z } from "zod";
import { registerModelCommand } from "../../../worker/commands/model.ts";
import { loadCaptioner } from "../../../worker/model/blip-captioner.ts";
import { publishedConfig } from "../../reference/published-config.ts";
import { fixturePath } from "../../reference/fixtures.ts";
import {
  expectClose,
  finetuneBatches,
  fixtureJson,
  fixtureTensors,
  logitsOf,
} from "../../reference/model-fixtures.ts";
import { temporaryFolder } from "../data/temporary-folder.ts";
import { runCommand } from "./run-command.ts";

const MERGED = 1e-6;
const LOGITS = 5e-5;
const BASE = fixturePath("tiny-blip");
const ADAPTER = fixturePath("tiny-blip-lora/adapter_after_step5");

const model = (...words: string[]) => runCommand(registerModelCommand, ["model", ...words]);

const Counts = z.object({
  full: z.number(),
  lora: z.record(
    z.string(),
    z.object({ trainable: z.number(), total: z.number(), line: z.string() }),
  ),
  parameter_shapes: z.record(z.string(), z.array(z.number())),
});
const published = fixtureJson("parameter-counts.json", z.record(z.string(), Counts));

describe.each(Object.entries(published))("model info of %s", (_name, counts) => {
  async function configFile(): Promise<string> {
    const file = path.join(await temporaryFolder(), "config.json");
    await writeFile(file, JSON.stringify(publishedConfig(counts.parameter_shapes)));
    return file;
  }

  it("counts all parameters, which full fine-tuning trains", async () => {
    const { value } = await model("info", await configFile());
    expect(value).toEqual({ parameters: counts.full, trainable: counts.full, percent: 100 });
  });

  it.each(Object.entries(counts.lora))(
    "counts those of LoRA with r = %s as PEFT",
    async (r, one) => {
      const settings = `r=${r},targets=query,value`;
      const { value } = await model("info", path.dirname(await configFile()), "--lora", settings);
      const { parameters, trainable, percent } = value as Record<string, number>;
      expect([parameters, trainable]).toEqual([one.total, one.trainable]);
      expect(`trainable%: ${percent!.toFixed(4)}`).toBe(one.line.split(" || ")[2]);
    },
  );

  it("shows people the parts, which add up", async () => {
    const { lines } = await model("info", await configFile(), "--lora", "r=8,targets=query,value");
    const numbers = lines.map((line) => Number(line.split(/ {2,}/)[1]!.replaceAll(",", "")));
    const [trainable, all, ...parts] = numbers.toReversed();
    expect(parts.reduce((sum, part) => sum + part, 0)).toBe(all);
    expect([all, trainable]).toEqual([counts.lora["8"]!.total, counts.lora["8"]!.trainable]);
  });
});

describe("model info refuses", () => {
  it.each(["r=8", "targets=query", "r=0,targets=query", "r=8,targets=", "r=8,targets=a,,b", "8"])(
    "--lora %s",
    async (settings) => {
      await expect(model("info", BASE, "--lora", settings)).rejects.toThrow(/r=8,targets=query/);
    },
  );

  it("a target that no layer has", async () => {
    const counting = model("info", BASE, "--lora", "r=8,targets=q_proj");
    await expect(counting).rejects.toMatchObject({
      reason: "model-invalid",
      message: expect.stringMatching(/no linear layer q_proj/),
    });
  });

  it("a folder without config.json", async () => {
    await expect(model("info", ADAPTER)).rejects.toMatchObject({ reason: "model-missing" });
  });
});

describe("model merge", () => {
  it("writes a whole model with PEFT's merged weights", async () => {
    const out = path.join(await temporaryFolder(), "merged");
    await model("merge", BASE, ADAPTER, out);
    expect(await readdir(out)).toEqual(await readdir(BASE));
    const merged = await loadCaptioner({
      directory: out,
      init: "pretrained",
      seed: 0,
      method: "untuned",
    });
    const expected = await fixtureTensors("tiny-blip-lora/tensors.safetensors");
    const { weights } = merged.forwardPass({}, null);
    const [batch] = await finetuneBatches("pads_counted");
    tf.tidy(() => {
      for (const [name, matrix] of Object.entries(expected)) {
        if (!name.startsWith("merged.")) continue;
        expectClose(weights[name.slice("merged.".length)]!, matrix, MERGED);
      }
      expectClose(logitsOf(merged, batch!), expected["logits_after_step5_merged"]!, LOGITS);
    });
    merged.dispose();
  });

  it.each([
    ["what is there already", [BASE, ADAPTER, "."], "usage", / exists already/],
    ["a model as adapter", [BASE, BASE, "new"], "usage", /holds no adapter/],
    ["an adapter as model", [ADAPTER, ADAPTER, "new"], "model-missing", /config\.json/],
    [
      "an adapter of another model",
      [path.resolve("configs/models/demo-blip"), ADAPTER, "new"],
      "model-invalid",
      /do not fit the model that .* is \[\d+,\d+\] instead of \[\d+,\d+\]/,
    ],
  ])("refuses %s and writes nothing", async (_title, [base, adapter, out], reason, message) => {
    const folder = await temporaryFolder();
    const merging = model("merge", base!, adapter!, path.join(folder, out!));
    await expect(merging).rejects.toMatchObject({ reason });
    await expect(merging).rejects.toThrow(message);
    expect(await readdir(folder)).toEqual([]);
  });
});
