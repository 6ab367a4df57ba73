import { copyFile, mkdtemp, readFile, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import path from "node:path";
import * as tf from "@tensorflow/tfjs-core";
import { afterEach, beforeEach, expect, it } from "vitest";
import { loadCnnLstm } from "../../../worker/model/cnn-lstm/cnn-lstm-captioner.ts";
import { lossAndGradients } from "../../../worker/model/loss-and-gradients.ts";
import { openCaptioner } from "../../../worker/model/open-captioner.ts";
import type { CaptionTokens } from "../../../worker/model/trainable.ts";
import type { NamedTensors } from "../../../worker/tensor/named-tensors.ts";
import { disposeBatch } from "../../../worker/train/caption-batch.ts";
import { describeOnEachEngine } from "../../rig/engines.ts";
import { withSearcher } from "../../rig/searcher.ts";

/** Made with PyTorch's own layers by `cnn_lstm_reference.py`, which has the formulas below too. */
const reference: {
  config: { encoder: { image_size: number }; decoder: Record<string, number> };
  inputIds: number[][];
  labels: number[][];
  loss: number;
  gradients: Record<string, Record<"length" | "weighted", number>>;
  greedy: number[][];
} = JSON.parse(await readFile(path.resolve("test/fixtures/cnn-lstm/reference.json"), "utf8"));

const AMPLITUDE = 1.6;
const wave = (count: number, phase: number) =>
  Float32Array.from({ length: count }, (_, at) => Math.sin(phase + 1.7 * at));

let directory: string;

beforeEach(async () => {
  directory = await mkdtemp(path.join(tmpdir(), "cnn-lstm-"));
  await writeFile(path.join(directory, "config.json"), JSON.stringify(reference.config));
});

afterEach(() => rm(directory, { recursive: true, force: true }));

const load = (trainedFrom?: string) =>
  loadCnnLstm({
    directory,
    init: "random",
    seed: 1,
    ...(trainedFrom !== undefined && { trainedFrom }),
  });

/** The reference's captioner. */
async function referenceCaptioner() {
  const captioner = await load();
  const weights: NamedTensors = {};
  for (const [index, [name, { shape, size }]] of Object.entries(captioner.parameters).entries()) {
    const values = wave(size, index).map((value) => AMPLITUDE * value);
    const isScale = name.endsWith("norm.weight");
    weights[name] = tf.tensor(isScale ? values.map((value) => 1 + value) : values, shape);
  }
  captioner.replaceParameters(weights);
  return captioner;
}

function pictures(): tf.Tensor4D {
  const { image_size: size } = reference.config.encoder;
  return tf.tensor4d(wave(2 * size * size * 3, 0.5), [2, size, size, 3]);
}

function referenceBatch(): CaptionTokens & { pixelValues: tf.Tensor4D } {
  const inputIds = tf.tensor2d(reference.inputIds, undefined, "int32");
  const labels = tf.tensor2d(reference.labels, undefined, "int32");
  return { pixelValues: pictures(), inputIds, labels, attentionMask: tf.onesLike(inputIds) };
}

describeOnEachEngine("a CNN-LSTM captioner", (loadEngine) => {
  beforeEach(loadEngine);

  it("has PyTorch's loss and gradients", async () => {
    const captioner = await referenceCaptioner();
    const batch = referenceBatch();
    const { loss, gradients } = lossAndGradients(captioner.parameters, (named) =>
      captioner.loss(named, batch, null),
    );
    expect((await loss.data())[0]).toBeCloseTo(reference.loss, 5);
    expect(Object.keys(gradients)).toEqual(Object.keys(reference.gradients));
    for (const [name, expected] of Object.entries(reference.gradients)) {
      const values = Array.from(await gradients[name]!.data<"float32">());
      const weights = wave(values.length, 0.3);
      const weighted = values.reduce((sum, value, at) => sum + value * weights[at]!, 0);
      const tolerance = 1e-4 * (expected.length + 1e-3);
      expect(Math.abs(Math.hypot(...values) - expected.length), name).toBeLessThan(tolerance);
      expect(Math.abs(weighted - expected.weighted), name).toBeLessThan(3 * tolerance);
    }
    tf.dispose([loss, gradients]);
    disposeBatch(batch);
    captioner.dispose();
  });

  it("finds PyTorch's greedy captions, step by step", async () => {
    const captioner = await referenceCaptioner();
    const pixelValues = pictures();
    const maxNewTokens = reference.greedy[0]!.length - 1;
    const options = { numBeams: 1, maxNewTokens };
    const found = await withSearcher(captioner, (searcher) =>
      searcher.generate({ pixelValues }, options),
    );
    expect(found).toEqual(reference.greedy);
    tf.dispose(pixelValues);
    captioner.dispose();
  });

  it("scores a beam's caption by the probabilities that the loss is made of", async () => {
    const captioner = await referenceCaptioner();
    const pixelValues = pictures();
    const request = { numBeams: 3, maxLength: 5 };
    const [found] = await withSearcher(captioner, (searcher) =>
      searcher.search({ pixelValues }, [], request),
    );
    const { ids, score } = found![0]!;
    const inputIds = tf.tensor2d([ids], undefined, "int32");
    const batch = {
      pixelValues: tf.slice(pixelValues, 0, 1),
      inputIds,
      labels: inputIds,
      attentionMask: tf.onesLike(inputIds),
    };
    const loss = captioner.loss(captioner.parameters, batch, null);
    expect(score).toBeCloseTo(-(await loss.data())[0]!, 4);
    tf.dispose([pixelValues, batch, loss]);
    captioner.dispose();
  });

  it("captions a picture the same whatever others are in its batch", async () => {
    const captioner = await referenceCaptioner();
    const both = pictures();
    const second = tf.slice(both, 1, 1);
    const options = { numBeams: 3, maxLength: 6 };
    const [together, [alone]] = await withSearcher(captioner, async (searcher) => [
      await searcher.search({ pixelValues: both }, [], options),
      await searcher.search({ pixelValues: second }, [], options),
    ]);
    expect(alone!.map(({ ids }) => ids)).toEqual(together[1]!.map(({ ids }) => ids));
    expect(alone![0]!.score).toBeCloseTo(together[1]![0]!.score!, 5);
    tf.dispose([both, second]);
    captioner.dispose();
  });

  it("leaves no tensors behind", async () => {
    const before = tf.memory().numTensors;
    const captioner = await referenceCaptioner();
    const batch = referenceBatch();
    const { loss, gradients } = lossAndGradients(captioner.parameters, (named) =>
      captioner.loss(named, batch, 3),
    );
    const options = { numBeams: 2, maxNewTokens: 4 };
    await withSearcher(captioner, (searcher) => searcher.generate(batch, options));
    tf.dispose([loss, gradients]);
    disposeBatch(batch);
    captioner.dispose();
    expect(tf.memory().numTensors).toBe(before);
  });
});

it("what is saved loads as the same weights, and is known as a CNN-LSTM again", async () => {
  const captioner = await load();
  const saved = await mkdtemp(path.join(tmpdir(), "cnn-lstm-saved-"));
  expect(await captioner.save(saved)).toEqual(["config.json", "model.safetensors"]);
  const again = await openCaptioner({
    directory: saved,
    init: "pretrained",
    seed: 9,
    method: "untuned",
  });
  for (const [name, tensor] of Object.entries(captioner.parameters)) {
    expect(await again.parameters[name]!.data()).toEqual(await tensor.data());
  }
  captioner.dispose();
  again.dispose();
  await rm(saved, { recursive: true });
});

it("a seed fixes the weights, and another draws others", async () => {
  const name = "decoder.lstm.weight_hh_l0";
  const drawn = async (seed: number) => {
    const captioner = await loadCnnLstm({ directory, init: "random", seed });
    const values = await captioner.parameters[name]!.data();
    captioner.dispose();
    return values;
  };
  expect(await drawn(1)).toEqual(await drawn(1));
  expect(await drawn(2)).not.toEqual(await drawn(1));
});

it.each([
  ["a BLIP model", { model_type: "blip" }, "model_type"],
  ["sides that do not halve", { encoder: { image_size: 9 } }, "image_size"],
  ["groups that divide no stage", { encoder: { groups: 3 } }, "channels"],
  ["a token beyond the vocabulary", { decoder: { bos_token_id: 11 } }, "vocab_size"],
])("a configuration with %s is refused by name", async (_, change, named) => {
  const { config } = reference;
  const changed: Record<string, unknown> = { ...config, ...change };
  if ("encoder" in change) changed["encoder"] = { ...config.encoder, ...change.encoder };
  if ("decoder" in change) changed["decoder"] = { ...config.decoder, ...change.decoder };
  await writeFile(path.join(directory, "config.json"), JSON.stringify(changed));
  await expect(load()).rejects.toMatchObject({
    reason: "model-invalid",
    message: expect.stringContaining(named),
  });
});

it("an adapter is refused: there are no layers for it", async () => {
  await copyFile(path.join(directory, "config.json"), path.join(directory, "adapter_config.json"));
  const opening = openCaptioner({
    directory,
    init: "random",
    seed: 1,
    method: "untuned",
    trainedFrom: directory,
  });
  await expect(opening).rejects.toMatchObject({
    reason: "model-invalid",
    message: expect.stringMatching(/is an adapter, which the CNN-LSTM model/),
  });
});
