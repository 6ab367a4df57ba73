import { readFileSync } from "node:fs";
import * as tf from "@tensorflow/tfjs-core";
import type { Tensor, Tensor2D, Tensor4D } from "@tensorflow/tfjs-core";
import { expect } from "vitest";
import { z } from "zod";
import { OptimizerSettings } from "../../worker/contract/trial-spec.ts";
import type { BlipCaptioner } from "../../worker/model/blip-captioner.ts";
import {
  causalMask,
  decodeText,
  imageKeyValues,
  predictTokens,
} from "../../worker/model/text-decoder.ts";
import type { CaptionBatch, CaptionTokens } from "../../worker/model/trainable.ts";
import { Program } from "../../worker/tensor/compile/program.ts";
import { lossAndGradients } from "../../worker/model/loss-and-gradients.ts";
import { readNamedTensors } from "../../worker/tensor/named-tensors.ts";
import type { NamedTensors } from "../../worker/tensor/named-tensors.ts";
import { encodeImages } from "../../worker/model/vision-encoder.ts";
import { initAdamW } from "../../worker/train/adamw.ts";
import { openLearner } from "../../worker/train/learner.ts";
import { fixturePath } from "./fixtures.ts";

export function fixtureJson<T>(name: string, schema: z.ZodType<T>): T {
  return schema.parse(JSON.parse(readFileSync(fixturePath(name), "utf8")));
}

export function fixtureTensors(name: string): Promise<NamedTensors> {
  return readNamedTensors(fixturePath(name));
}

/** PyTorch's pixels [B, 3, H, W] as the captioner takes them. [B, H, W, 3] */
export function toPixelValues(pixels: Tensor): Tensor4D {
  const [batch, channels, height, width] = pixels.shape;
  const shape: [number, number, number, number] = [batch, height!, width!, channels!];
  return tf.reshape<tf.Rank.R4>(tf.transpose(pixels, [0, 2, 3, 1]), shape);
}

export interface BatchFixture {
  pixels: Tensor;
  inputIds: Tensor;
  attentionMask: Tensor;
  labels: "pads_counted" | "pads_masked";
}

export type PixelBatch = CaptionTokens & { pixelValues: Tensor4D };

export function toBatch({ pixels, inputIds, attentionMask, labels }: BatchFixture): PixelBatch {
  const ignored = tf.scalar(-100, "int32");
  const masked = tf.where(tf.cast(attentionMask, "bool"), inputIds, ignored);
  return {
    pixelValues: toPixelValues(pixels),
    inputIds: toMatrix(inputIds),
    attentionMask: toMatrix(attentionMask),
    labels: toMatrix(labels === "pads_counted" ? inputIds : masked),
  };
}

function toMatrix(tensor: Tensor): Tensor2D {
  const [rows, columns] = tensor.shape;
  return tf.reshape<tf.Rank.R2>(tensor, [rows, columns!]);
}

export function largest(tensor: Tensor): number {
  return tf.tidy(() => tf.max(tf.abs(tensor)).dataSync()[0]!);
}

/** Values in the same order, whatever the two shapes are, within an absolute tolerance. */
export function expectClose(actual: Tensor, expected: Tensor, tolerance: number): void {
  const difference = tf.tidy(() =>
    largest(tf.sub(tf.reshape(actual, [-1]), tf.reshape(expected, [-1]))),
  );
  expect(difference).toBeLessThanOrEqual(tolerance);
}

/** Scores of the next token at every position, not only where the loss needs them. [B·S, V] */
export function logitsOf(captioner: BlipCaptioner, batch: PixelBatch): Tensor {
  const pass = captioner.forwardPass(captioner.parameters, null);
  const { imageStates } = encodeImages(pass, batch.pixelValues);
  const { hiddenStates } = decodeText(pass, {
    inputIds: batch.inputIds,
    image: imageKeyValues(pass, imageStates, batch.inputIds.shape[0]),
    past: null,
    mask: causalMask(batch.attentionMask),
  });
  return predictTokens(pass, hiddenStates.at(-1)!);
}

/** Loss and gradients of a batch, in the way that is set: see `describeEachWay`. */
export function lossAndGradientsInWay(
  captioner: BlipCaptioner,
  batch: CaptionBatch,
): { loss: Tensor; gradients: NamedTensors } {
  if (tf.getBackend() !== "tensorflow" || process.env["QSWEEP_EAGER"] === "1") {
    return lossAndGradients(captioner.parameters, (named) => captioner.loss(named, batch, null));
  }
  const names = Object.keys(captioner.parameters);
  const copies = names.map((name) => [name, captioner.parameters[name]!.clone()] as const);
  const program = new Program(Object.fromEntries(copies));
  const step = program.compile({
    compute: (parameters) => {
      const { loss, gradients } = lossAndGradients(parameters, (named) =>
        captioner.loss(named, batch, null),
      );
      return { ...gradients, loss };
    },
    results: [...names, "loss"],
  });
  const { loss, ...gradients } = step({});
  program.dispose();
  return { loss: loss!, gradients };
}

/** The optimiser of a training fixture, as its file gives it. */
export const OptimizerFixture = OptimizerSettings.omit({ name: true }).extend({
  name: z.literal("AdamW"),
  lr: z.number(),
});

/**
 * Trains on the batches of `tiny-blip-finetune` in order; returns the loss before each step and
 * calls `afterStep` with the number of each step done. The captioner has its parameters only there.
 */
export async function trainOnBatches(
  captioner: BlipCaptioner,
  options: {
    optimizer: z.infer<typeof OptimizerFixture>;
    batches: CaptionBatch[];
    afterStep: (step: number) => void;
  },
): Promise<number[]> {
  const { lr, ...settings } = options.optimizer;
  const learner = openLearner({
    trainable: captioner,
    state: initAdamW(captioner.parameters),
    settings: { ...settings, name: "adamw" },
  });
  const losses: number[] = [];
  for (const batch of options.batches) {
    losses.push(await learner.step({ batch, lr, dropoutSeed: null }));
    await learner.withState(async () => options.afterStep(losses.length));
  }
  learner.dispose();
  return losses;
}

/** The batches of `tiny-blip-finetune` by number. */
export async function finetuneBatches(labels: BatchFixture["labels"]): Promise<PixelBatch[]> {
  const tensors = await fixtureTensors("tiny-blip-finetune/batches.safetensors");
  const count = new Set(Object.keys(tensors).map((name) => name.split(".")[0])).size;
  return Array.from({ length: count }, (_, index) =>
    toBatch({
      pixels: tensors[`batch${index}.pixel_values`]!,
      inputIds: tensors[`batch${index}.input_ids`]!,
      attentionMask: tensors[`batch${index}.attention_mask`]!,
      labels,
    }),
  );
}
