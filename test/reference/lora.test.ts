import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import path from "node:path";
import * as tf from "@tensorflow/tfjs-core";
import { beforeAll, expect, it } from "vitest";
import { z } from "zod";
import { readAdapterSettings } from "../../worker/model/adapter-files.ts";
import { loadCaptioner } from "../../worker/model/blip-captioner.ts";
import type { BlipCaptioner } from "../../worker/model/blip-captioner.ts";
import { describeEachWay, describeOnEachEngine } from "../rig/engines.ts";
import { fixturePath } from "./fixtures.ts";
import {
  expectClose,
  finetuneBatches,
  fixtureJson,
  fixtureTensors,
  largest,
  logitsOf,
  lossAndGradientsInWay,
  OptimizerFixture,
  trainOnBatches,
} from "./model-fixtures.ts";

const LOSS = 1e-5;
const LOGITS = 5e-5;
const MERGED = 1e-6;
const GRADIENT = 5e-6;
const RELATIVE_GRADIENT = 1e-5;
/** In units of the learning rate. */
const WEIGHT = 0.01;

const InitialLoss = z.object({ loss: z.number() });
const fixture = fixtureJson(
  "tiny-blip-lora/lora.json",
  z.object({
    trainable_count: z.number(),
    adapter_keys: z.array(z.string()),
    initial: z.object({ pads_counted: InitialLoss, pads_masked: InitialLoss }),
    optimizer: OptimizerFixture,
    losses: z.array(z.number()),
  }),
);
const { batch_order } = fixtureJson(
  "tiny-blip-finetune/finetune.json",
  z.object({ batch_order: z.array(z.number()) }),
);
const directory = fixturePath("tiny-blip");
const base = { directory, init: "pretrained", seed: 0 } as const;

async function adapted(adapter: string): Promise<BlipCaptioner> {
  const trainedFrom = fixturePath(`tiny-blip-lora/${adapter}`);
  const lora = await readAdapterSettings(trainedFrom);
  return loadCaptioner({ ...base, method: "lora", lora, trainedFrom });
}

describeOnEachEngine("LoRA as PEFT trains it", (load) => {
  beforeAll(load);

  it("trains exactly PEFT's matrices", async () => {
    const captioner = await adapted("adapter_initial");
    expect(Object.keys(captioner.parameters).toSorted()).toEqual(fixture.adapter_keys.toSorted());
    const sizes = Object.values(captioner.parameters).map((tensor) => tensor.size);
    expect(sizes.reduce((sum, size) => sum + size, 0)).toBe(fixture.trainable_count);
    captioner.dispose();
  });

  it("scores tokens with the adapter, and without it", async () => {
    const expected = await fixtureTensors("tiny-blip-lora/tensors.safetensors");
    const [batch] = await finetuneBatches("pads_counted");
    const [withAdapter, without] = [
      await adapted("adapter_initial"),
      await loadCaptioner({ ...base, method: "untuned" }),
    ];
    tf.tidy(() => {
      expectClose(logitsOf(withAdapter, batch!), expected["logits"]!, LOGITS);
      expectClose(logitsOf(without, batch!), expected["logits_adapter_disabled"]!, LOGITS);
    });
    tf.dispose(expected);
    withAdapter.dispose();
    without.dispose();
  });

  it("works a trained adapter into the weights", async () => {
    const trainedFrom = fixturePath("tiny-blip-lora/adapter_after_step5");
    const captioner = await loadCaptioner({ ...base, method: "untuned", trainedFrom });
    const expected = await fixtureTensors("tiny-blip-lora/tensors.safetensors");
    const [batch] = await finetuneBatches("pads_counted");
    const { weights } = captioner.forwardPass({}, null);
    tf.tidy(() => {
      for (const [name, matrix] of Object.entries(expected)) {
        if (!name.startsWith("merged.")) continue;
        expectClose(weights[name.slice("merged.".length)]!, matrix, MERGED);
      }
      expectClose(logitsOf(captioner, batch!), expected["logits_after_step5_merged"]!, LOGITS);
    });
    captioner.dispose();
  });

  it("writes an adapter that reads back bit for bit", async () => {
    const captioner = await adapted("adapter_after_step5");
    const trainedFrom = await mkdtemp(path.join(tmpdir(), "qsweep-adapter-"));
    const names = await captioner.save(trainedFrom);
    const lora = await readAdapterSettings(trainedFrom);
    const again = await loadCaptioner({ ...base, method: "lora", lora, trainedFrom });
    await rm(trainedFrom, { recursive: true });
    expect(names).toEqual(["adapter_config.json", "adapter_model.safetensors"]);
    for (const [name, tensor] of Object.entries(captioner.parameters)) {
      expect(again.parameters[name]!.dataSync()).toEqual(tensor.dataSync());
    }
    captioner.dispose();
    again.dispose();
  });
});

describeEachWay("LoRA steps as PEFT takes them", (set) => {
  beforeAll(set);

  it.each(["pads_counted", "pads_masked"] as const)(
    "has loss and gradients of %s",
    async (labels) => {
      const expected = await fixtureTensors(`tiny-blip-lora/grads_${labels}.safetensors`);
      const captioner = await adapted("adapter_initial");
      const [batch] = await finetuneBatches(labels);
      tf.tidy(() => {
        const { loss, gradients } = lossAndGradientsInWay(captioner, batch!);
        expect(Math.abs(loss.dataSync()[0]! - fixture.initial[labels].loss)).toBeLessThan(LOSS);
        for (const [name, gradient] of Object.entries(expected)) {
          const tolerance = Math.max(GRADIENT, RELATIVE_GRADIENT * largest(gradient));
          expectClose(gradients[name.replace(".default.", ".")]!, gradient, tolerance);
        }
      });
      captioner.dispose();
    },
  );

  it("has the losses, matrices and scores of five steps", async () => {
    const batches = await finetuneBatches("pads_counted");
    const captioner = await adapted("adapter_initial");
    const trained = await adapted("adapter_after_step5");
    const expected = await fixtureTensors("tiny-blip-lora/tensors.safetensors");
    const losses = await trainOnBatches(captioner, {
      optimizer: fixture.optimizer,
      batches: batch_order.map((index) => batches[index]!),
      afterStep: (step) => {
        if (step !== batch_order.length) return;
        tf.tidy(() => {
          for (const [name, matrix] of Object.entries(trained.parameters)) {
            expectClose(captioner.parameters[name]!, matrix, WEIGHT * fixture.optimizer.lr);
          }
          expectClose(logitsOf(captioner, batches[0]!), expected["logits_after_step5"]!, LOGITS);
        });
      },
    });
    for (const [index, loss] of fixture.losses.entries()) {
      expect(Math.abs(losses[index]! - loss), `step ${index + 1}`).toBeLessThanOrEqual(LOSS);
    }
    captioner.dispose();
    trained.dispose();
  });
});
