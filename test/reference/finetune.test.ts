import { cp, mkdtemp, readFile, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import path from "node:path";
import * as tf from "@tensorflow/tfjs-core";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { z } from "zod";
import { loadCaptioner } from "../../worker/model/blip-captioner.ts";
import type { BlipCaptioner } from "../../worker/model/blip-captioner.ts";
import { describeEachWay } from "../rig/engines.ts";
import { fixturePath } from "./fixtures.ts";
import {
  expectClose,
  finetuneBatches,
  fixtureJson,
  fixtureTensors,
  logitsOf,
  OptimizerFixture,
  trainOnBatches,
  type PixelBatch,
} from "./model-fixtures.ts";

const LOSS = 1e-5;
/** Wider than for equal weights, since these differ by what is allowed below. */
const LOGITS = 2e-4;
/** In units of the learning rate. */
const WEIGHT = 0.02;
/** Share of a tensor's entries that may differ more: a gradient near 0 can turn its first step. */
const OUTLIERS = 1e-3;

const Run = z.object({ losses: z.array(z.number()) });
const Finetune = z.object({
  optimizer: OptimizerFixture,
  batch_order: z.array(z.number()),
  pads_counted: Run,
  pads_masked: Run,
});

/** The reference model with its output matrix tied to the word embeddings. */
async function writeTiedModel(): Promise<string> {
  const directory = await mkdtemp(path.join(tmpdir(), "qsweep-tied-"));
  await cp(fixturePath("tiny-blip"), directory, { recursive: true });
  const file = path.join(directory, "config.json");
  const config: unknown = JSON.parse(await readFile(file, "utf8"));
  await writeFile(file, JSON.stringify(Object.assign({}, config, { tie_word_embeddings: true })));
  return directory;
}

describeEachWay("five steps of full fine-tuning", (load) => {
  let tied: string;
  beforeAll(async () => {
    await load();
    tied = await writeTiedModel();
  });
  afterAll(() => rm(tied, { recursive: true }));

  describe.each(["tiny-blip-finetune", "tiny-blip-finetune-tied"])("%s", (folder) => {
    const fixture = fixtureJson(`${folder}/finetune.json`, Finetune);

    async function train(labels: "pads_counted" | "pads_masked", afterStep: Comparison) {
      const directory = folder.endsWith("tied") ? tied : fixturePath("tiny-blip");
      const options = { directory, init: "pretrained", seed: 0, method: "full" } as const;
      const captioner = await loadCaptioner(options);
      const batches = await finetuneBatches(labels);
      const losses = await trainOnBatches(captioner, {
        optimizer: fixture.optimizer,
        batches: fixture.batch_order.map((index) => batches[index]!),
        afterStep: (step) => afterStep(step, captioner, batches),
      });
      captioner.dispose();
      return losses;
    }
    type Comparison = (step: number, captioner: BlipCaptioner, batches: PixelBatch[]) => void;

    it.each(["pads_counted", "pads_masked"] as const)("has the losses of %s", async (labels) => {
      const losses = await train(labels, () => undefined);
      for (const [index, loss] of fixture[labels].losses.entries()) {
        expect(Math.abs(losses[index]! - loss), `step ${index + 1}`).toBeLessThanOrEqual(LOSS);
      }
    });

    it("has the weights after the first and the last step, and the logits", async () => {
      const last = fixture.batch_order.length;
      const expected = new Map([
        [1, await fixtureTensors(`${folder}/weights_after_step1.safetensors`)],
        [last, await fixtureTensors(`${folder}/weights_after_step${last}.safetensors`)],
      ]);
      const logits = await fixtureTensors(`${folder}/logits_after_step${last}.safetensors`);
      await train("pads_counted", (step, captioner, batches) => {
        for (const [name, weight] of Object.entries(expected.get(step) ?? {})) {
          expectWeight({ name, actual: captioner.parameters[name]!, expected: weight });
        }
        if (step !== last) return;
        tf.tidy(() =>
          expectClose(logitsOf(captioner, batches[0]!), logits["logits_batch0"]!, LOGITS),
        );
      });
    });

    function expectWeight({
      name,
      actual,
      expected,
    }: Record<"actual" | "expected", tf.Tensor> & { name: string }) {
      const errors = tf.tidy(() => tf.abs(tf.sub(actual, expected)).dataSync());
      const checked = [...errors].filter((_, index) => !isKeyBias(name, index / errors.length));
      const nearlyLargest = checked.toSorted((a, b) => b - a)[
        Math.floor(checked.length * OUTLIERS)
      ];
      expect(nearlyLargest ?? 0, name).toBeLessThanOrEqual(WEIGHT * fixture.optimizer.lr);
    }
  });
});

/**
 * Whether an entry, as a share of the tensor, shifts all scores of a query alike: it changes
 * nothing.
 */
function isKeyBias(name: string, position: number): boolean {
  if (name.endsWith(".key.bias")) return true;
  return name.endsWith(".qkv.bias") && position >= 1 / 3 && position < 2 / 3;
}
