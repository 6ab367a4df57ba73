// Everything of qsweep's own models, training and engine that a row touches.
import { readdirSync } from "node:fs";
import path from "node:path";
import * as tf from "@tensorflow/tfjs-core";
import type { OptimizerSettings } from "../../../worker/contract/trial-spec.ts";
import { ImageStore } from "../../../worker/data/image-store.ts";
import { normalise, readPreprocessor } from "../../../worker/data/image-transform.ts";
import { loadCaptioner } from "../../../worker/model/blip-captioner.ts";
import { CaptionSearcher } from "../../../worker/model/caption-searcher.ts";
import type { CaptionBatch, ImageInput } from "../../../worker/model/trainable.ts";
import { loadEngine } from "../../../worker/tensor/backend.ts";
import { writeNamedTensors } from "../../../worker/tensor/named-tensors.ts";
import { openRunner } from "../../../worker/tensor/open-runner.ts";
import { initAdamW } from "../../../worker/train/adamw.ts";
import { disposeBatch } from "../../../worker/train/caption-batch.ts";
import { openLearner } from "../../../worker/train/learner.ts";
import { ADAPTER } from "../adapter.ts";
import type { ModelSize } from "../model-sizes.ts";

const LEARNING_RATE = 1e-4;
const ADAMW: OptimizerSettings = {
  name: "adamw",
  betas: [0.9, 0.999],
  eps: 1e-8,
  weight_decay: 0.01,
};
/** Ids below are special. */
const FIRST_WORD = 5;
const CHANNELS = 3;

export interface Stepping {
  directory: string;
  size: ModelSize;
  method: "full" | "lora";
  /** Images as pixels, or as the encoder's outputs that a trial was handed from before. */
  images: "pixels" | "states";
}

/** Steps as trials take them, on new random captions each; `trained` counts the weights. */
export async function openSteps({ directory, size, method, images }: Stepping): Promise<{
  trained: number;
  step: () => Promise<number>;
}> {
  await loadEngine();
  const captioner = await loadCaptioner({
    directory,
    init: "random",
    seed: 1,
    method,
    ...(method === "lora" && { lora: ADAPTER }),
  });
  const { parameters, constantStates } = captioner;
  const trained = Object.values(parameters).reduce((sum, tensor) => sum + tensor.size, 0);
  const state = initAdamW(parameters);
  const learner = openLearner({ trainable: captioner, state, settings: ADAMW });
  let steps = 0;
  const step = async (): Promise<number> => {
    steps += 1;
    const input = images === "pixels" ? pixels(size, steps) : states(size, constantStates, steps);
    const batch = { ...input, ...captions(size, steps) };
    const dropoutSeed = method === "lora" ? steps : null;
    const taken = learner.step({ batch, lr: LEARNING_RATE, dropoutSeed });
    return taken.finally(() => disposeBatch(batch));
  };
  return { trained, step };
}

/** Searches captions of the same random pictures each time; no caption ends early. */
export async function openCaptions(
  directory: string,
  size: ModelSize,
  numBeams: number,
): Promise<() => Promise<number[][]>> {
  await loadEngine();
  const captioner = await loadCaptioner({ directory, init: "random", seed: 1, method: "untuned" });
  const input = pixels(size, 1);
  // For the other side.
  await captioner.save(directory);
  await writeNamedTensors(path.join(directory, "pictures.safetensors"), input);
  const searcher = new CaptionSearcher(captioner, openRunner(captioner));
  const maxLength = 1 + size.tokens;
  return async () => {
    const found = await searcher.search(input, [], { numBeams, maxLength, minLength: maxLength });
    return found.map(([best]) => best!.ids);
  };
}

/** Reads all pictures of a folder as training does; returns the sum of their values. */
export async function openPictures(folder: string): Promise<() => Promise<number>> {
  const preprocessor = await readPreprocessor(folder);
  const images = readdirSync(folder)
    .filter((name) => /\.(?:jpg|png)$/.test(name))
    .toSorted()
    .map((name) => ({ file: path.join(folder, name) }));
  return async () => {
    const onBadImage = () => {};
    const store = await ImageStore.open({ images, preprocessor, maxBadImages: 0, onBadImage });
    let sum = 0;
    for (const index of images.keys()) {
      const values = normalise([await store.pixels(index)], preprocessor);
      for (const value of values) sum += value;
    }
    return sum;
  };
}

function pixels({ batch, imagePixels: side }: ModelSize, seed: number): ImageInput {
  const shape: [number, number, number, number] = [batch, side, side, CHANNELS];
  return { pixelValues: tf.randomNormal(shape, 0, 1, "float32", seed) };
}

function states({ batch }: ModelSize, shape: readonly number[] | null, seed: number): ImageInput {
  if (shape === null) throw new Error("this model's encoder is trained");
  return { imageStates: tf.randomNormal([batch, ...shape], 0, 1, "float32", seed) };
}

/** Captions of full length, every token of which counts. */
function captions(size: ModelSize, seed: number): Omit<CaptionBatch, keyof ImageInput> {
  const shape: [number, number] = [size.batch, size.tokens];
  const inputIds = tf.tidy(() => {
    const drawn = tf.randomUniform(shape, FIRST_WORD, size.text.vocabulary, "float32", seed);
    return tf.cast(drawn, "int32") as tf.Tensor2D;
  });
  return { inputIds, attentionMask: tf.ones(shape, "int32"), labels: inputIds.clone() };
}
