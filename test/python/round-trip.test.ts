// Files travel both ways: transformers and PEFT compute with what we save, and we with what they
// save, and the results are the same.
import { mkdirSync, mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import path from "node:path";
import * as tf from "@tensorflow/tfjs-core";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { readAdapterSettings } from "../../worker/model/adapter-files.ts";
import { loadCaptioner } from "../../worker/model/blip-captioner.ts";
import type { BlipCaptioner } from "../../worker/model/blip-captioner.ts";
import { loadEngine } from "../../worker/tensor/backend.ts";
import { readNamedTensors, type NamedTensors } from "../../worker/tensor/named-tensors.ts";
import { fixturePath } from "../reference/fixtures.ts";
import {
  expectClose,
  fixtureTensors,
  logitsOf,
  toBatch,
  type PixelBatch,
} from "../reference/model-fixtures.ts";
import { pythonEnvironment, run } from "../rig/python-environment.ts";

const LOGITS = 1e-4;
const BASE = fixturePath("tiny-blip");
const ADAPTER = fixturePath("tiny-blip-lora/adapter_after_step5");
const INPUTS = "tiny-blip-forward/activations.safetensors";

/** Why there is no Python to compare with; in CI there has to be one. */
let problem = "";
const python = await pythonEnvironment().catch((error: unknown) => {
  if (process.env["CI"] === "true") throw error;
  problem = `: ${String(error)}`;
  return null;
});

const load = (directory: string, trainedFrom?: string): Promise<BlipCaptioner> =>
  loadCaptioner({
    directory,
    init: "pretrained",
    seed: 0,
    method: "untuned",
    ...(trainedFrom !== undefined && { trainedFrom }),
  });

// It needs the packages of test/python/requirements.txt, and an index or a cache to have them from.
describe.skipIf(python === null)(`transformers and PEFT${problem}`, () => {
  let folder: string;
  let batch: PixelBatch;
  /** What Python computed, by what from. */
  let logits: NamedTensors;
  /** What we computed from what we saved. */
  const own: NamedTensors = {};

  async function save(name: "full" | "adapter", captioner: BlipCaptioner): Promise<void> {
    const directory = path.join(folder, "ours", name);
    mkdirSync(directory, { recursive: true });
    await captioner.save(directory);
    own[name] = tf.tidy(() => logitsOf(captioner, batch));
    captioner.dispose();
  }

  async function saveOurs(): Promise<void> {
    const base = { directory: BASE, init: "pretrained", seed: 0 } as const;
    const full = await loadCaptioner({ ...base, method: "full" });
    full.replaceParameters(
      await fixtureTensors("tiny-blip-finetune/weights_after_step5.safetensors"),
    );
    await save("full", full);
    const lora = await readAdapterSettings(ADAPTER);
    const adapted = await loadCaptioner({ ...base, method: "lora", lora, trainedFrom: ADAPTER });
    await save("adapter", adapted);
  }

  beforeAll(async () => {
    await loadEngine();
    folder = mkdtempSync(path.join(tmpdir(), "qsweep-python-"));
    const inputs = await fixtureTensors(INPUTS);
    batch = toBatch({
      pixels: inputs["pixel_values"]!,
      inputIds: inputs["input_ids"]!,
      attentionMask: inputs["attention_mask"]!,
      labels: "pads_counted",
    });
    await saveOurs();
    const theirs = path.join(folder, "theirs");
    mkdirSync(theirs);
    const script = path.join(import.meta.dirname, "round_trip.py");
    await run([python!, script, path.join(folder, "ours"), BASE, fixturePath(INPUTS), theirs]);
    logits = await readNamedTensors(path.join(theirs, "logits.safetensors"));
  }, 180_000);
  afterAll(() => rmSync(folder, { recursive: true, force: true }));

  it.each(["full", "adapter"] as const)("compute from our %s what we do", (name) => {
    expectClose(own[name]!, logits[`our-${name}`]!, LOGITS);
  });

  it.each([
    ["a safetensors file", "single"],
    ["shards with an index", "sharded"],
    ["a pickled state dict", "pickled"],
    ["safetensors in half precision", "half"],
    ["a pickled state dict in half precision", "pickled-half"],
  ])("write %s that we compute the same from", async (_form, name) => {
    const captioner = await load(path.join(folder, "theirs", name));
    tf.tidy(() => expectClose(logitsOf(captioner, batch), logits[name]!, LOGITS));
    captioner.dispose();
  });

  it.each([
    ["an adapter", "adapter"],
    ["a pickled adapter", "pickled-adapter"],
  ])("write %s that we compute the same from", async (_form, name) => {
    const captioner = await load(BASE, path.join(folder, "theirs", name));
    tf.tidy(() => expectClose(logitsOf(captioner, batch), logits[name]!, LOGITS));
    captioner.dispose();
  });

  it("have written what is not the model it began with", async () => {
    const captioner = await load(BASE);
    tf.tidy(() => {
      const difference = tf.max(
        tf.abs(
          tf.sub(tf.reshape(logitsOf(captioner, batch), [-1]), tf.reshape(logits["single"]!, [-1])),
        ),
      );
      expect(difference.dataSync()[0]).toBeGreaterThan(100 * LOGITS);
    });
    captioner.dispose();
  });
});
