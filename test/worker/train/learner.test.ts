import { mkdtemp, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import path from "node:path";
import * as tf from "@tensorflow/tfjs-core";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import type { OptimizerSettings } from "../../../worker/contract/trial-spec.ts";
import { readEngineState } from "../../../worker/engine/engine-state.ts";
import { loadCaptioner } from "../../../worker/model/blip-captioner.ts";
import type { CaptionBatch } from "../../../worker/model/trainable.ts";
import { loadEngine } from "../../../worker/tensor/backend.ts";
import type { NamedTensors } from "../../../worker/tensor/named-tensors.ts";
import { normalValues } from "../../../worker/tensor/seeded-values.ts";
import { initAdamW } from "../../../worker/train/adamw.ts";
import { disposeBatch, tokenArrays } from "../../../worker/train/caption-batch.ts";
import { CompiledLearner } from "../../../worker/train/compiled-learner.ts";
import { EagerLearner } from "../../../worker/train/eager-learner.ts";
import type { LearnerOptions } from "../../../worker/train/learner.ts";

const SEP = 3;
const BOS = 31;
const config = {
  model_type: "blip",
  text_config: {
    vocab_size: 32,
    hidden_size: 16,
    intermediate_size: 32,
    num_hidden_layers: 2,
    num_attention_heads: 2,
    max_position_embeddings: 16,
    hidden_dropout_prob: 0.1,
    attention_probs_dropout_prob: 0.1,
    bos_token_id: BOS,
    sep_token_id: SEP,
  },
  vision_config: {
    hidden_size: 16,
    intermediate_size: 32,
    num_hidden_layers: 2,
    num_attention_heads: 2,
    image_size: 16,
    patch_size: 8,
  },
};
const settings: OptimizerSettings = {
  name: "adamw",
  betas: [0.9, 0.999],
  eps: 1e-8,
  weight_decay: 0.01,
};
const lora = { r: 4, alpha: 8, dropout: 0.1, target_modules: ["query", "value"] };

type Method = "full" | "lora";
type LearnerKind = new (options: LearnerOptions) => EagerLearner | CompiledLearner;

let directory: string;
beforeAll(async () => {
  await loadEngine();
  directory = await mkdtemp(path.join(tmpdir(), "qsweep-learner-"));
  await writeFile(path.join(directory, "config.json"), JSON.stringify(config));
});
afterAll(() => rm(directory, { recursive: true }));

const captions = [
  [BOS, 5, 6, 7, SEP],
  [BOS, 8, 9, SEP],
  [BOS, 5, 9, 10, 4, 6, 7, 8, 9, SEP],
];

/** Images of noise with these captions; further rows are empty. */
function makeBatch(tokens: number[][], rows = tokens.length): CaptionBatch {
  const arrays = tokenArrays({ tokens, padId: 0, labels: "pads_counted", rows, maxLength: 16 });
  const count = tokens.length * 16 * 16 * 3;
  const pixels = new Float32Array(rows * 16 * 16 * 3);
  pixels.set(normalValues({ key: "pixels", count }, 1));
  return {
    pixelValues: tf.tensor4d(pixels, [rows, 16, 16, 3]),
    inputIds: tf.tensor2d(arrays.inputIds, arrays.shape, "int32"),
    attentionMask: tf.tensor2d(arrays.attentionMask, arrays.shape, "int32"),
    labels: tf.tensor2d(arrays.labels, arrays.shape, "int32"),
  };
}

/** Losses and end state of steps on batches of two lengths, the learning rate falling. */
async function trained(
  Learner: LearnerKind,
  { method, rows, accumulate = 1 }: { method: Method; rows?: number; accumulate?: number },
) {
  const init = { init: "random", seed: 1 } as const;
  const trainable = await loadCaptioner({ directory, ...init, method, lora });
  const learner = new Learner({
    trainable,
    state: initAdamW(trainable.parameters),
    settings,
    accumulate,
  });
  const losses: number[] = [];
  for (const [index, tokens] of [captions.slice(0, 2), captions, captions.slice(0, 2)].entries()) {
    const batch = makeBatch(tokens, rows);
    const dropoutSeed = rows === undefined ? index + 7 : null;
    losses.push(await learner.step({ batch, lr: 1e-2 / (index + 1), dropoutSeed }));
    disposeBatch(batch);
  }
  const end = await learner.withState(async (state) =>
    Object.fromEntries(
      Object.entries({ w: trainable.parameters, m: state.m, v: state.v }).flatMap(
        ([kind, tensors]) =>
          Object.entries(tensors).map(([name, tensor]) => [
            `${kind} ${name}`,
            [...tensor.dataSync()],
          ]),
      ),
    ),
  );
  learner.dispose();
  trainable.dispose();
  return { losses, end };
}

function clones(tensors: NamedTensors): NamedTensors {
  return Object.fromEntries(
    Object.entries(tensors).map(([name, tensor]) => [name, tensor.clone()]),
  );
}

function largestDifference(one: readonly number[], other: readonly number[]): number {
  return one.reduce((most, value, index) => Math.max(most, Math.abs(value - other[index]!)), 0);
}

const isNative = readEngineState()?.engine === "native";

// Other engines run no graphs.
describe.runIf(isNative).each(["full", "lora"] as const)("compiled steps, method %s", (method) => {
  it("do what eager steps do, with dropout and a changing learning rate", async () => {
    const eager = await trained(EagerLearner, { method });
    const compiled = await trained(CompiledLearner, { method });
    expect(largestDifference(compiled.losses, eager.losses)).toBeLessThan(1e-5);
    expect(Object.keys(compiled.end)).toEqual(Object.keys(eager.end));
    for (const [name, values] of Object.entries(eager.end)) {
      // A gradient near 0 can turn a first step: its sign decides there.
      const tolerance = name.startsWith("w ") ? 2e-2 : 1e-5;
      expect(largestDifference(compiled.end[name]!, values), name).toBeLessThan(tolerance);
      const mean = values.reduce((sum, value, index) => {
        return sum + Math.abs(value - compiled.end[name]![index]!) / values.length;
      }, 0);
      if (!name.includes("key.bias")) expect(mean, name).toBeLessThan(1e-3);
    }
  });

  it("do what eager steps do with batches in pieces, each with dropout of its own", async () => {
    const eager = await trained(EagerLearner, { method, accumulate: 2 });
    const compiled = await trained(CompiledLearner, { method, accumulate: 2 });
    expect(largestDifference(compiled.losses, eager.losses)).toBeLessThan(1e-5);
    const whole = await trained(CompiledLearner, { method });
    expect(largestDifference(compiled.losses, whole.losses)).toBeGreaterThan(1e-4);
  });

  it("come to the same bits twice", async () => {
    const one = await trained(CompiledLearner, { method });
    expect(await trained(CompiledLearner, { method })).toEqual(one);
  });

  it("go on from their state with the same bits, whatever lengths came before", async () => {
    const options = { directory, init: "random", seed: 1, method, lora } as const;
    const [short, long] = [makeBatch(captions.slice(0, 1)), makeBatch(captions.slice(2))];
    const [one, other] = [await loadCaptioner(options), await loadCaptioner(options)];
    const state = initAdamW(one.parameters);
    const first = new CompiledLearner({ trainable: one, state, settings });
    await first.step({ batch: short, lr: 1e-2, dropoutSeed: 1 });
    const second = await first.withState(async ({ step, m, v }) => {
      other.replaceParameters(clones(one.parameters));
      const copied = { step, m: clones(m), v: clones(v) };
      return new CompiledLearner({ trainable: other, state: copied, settings });
    });
    for (const [dropoutSeed, batch] of [long, short, long].entries()) {
      const inputs = { batch, lr: 1e-2, dropoutSeed };
      expect(await second.step(inputs)).toBe(await first.step(inputs));
    }
    for (const each of [first, second, one, other]) each.dispose();
    for (const batch of [short, long]) disposeBatch(batch);
  });

  it("leave no tensors behind", async () => {
    const before = tf.memory().numTensors;
    await trained(CompiledLearner, { method });
    expect(tf.memory().numTensors).toBe(before);
  });
});

describe.each([
  ["eager", EagerLearner],
  ...(isNative ? [["compiled", CompiledLearner] as const] : []),
] as const)("%s steps", (_, Learner) => {
  it("are those of the whole batch when it comes in pieces", async () => {
    const whole = await trained(Learner, { method: "full", rows: 5 });
    // Of two rows each but the last, and in the first step the last two of nothing.
    const pieces = await trained(Learner, { method: "full", rows: 5, accumulate: 3 });
    expect(largestDifference(pieces.losses, whole.losses)).toBeLessThan(1e-5);
    for (const [name, values] of Object.entries(whole.end)) {
      if (!name.startsWith("m ")) continue;
      expect(largestDifference(pieces.end[name]!, values), name).toBeLessThan(1e-5);
    }
  });

  it("are not changed by empty rows", async () => {
    const plain = await trained(Learner, { method: "full", rows: 3 });
    const padded = await trained(Learner, { method: "full", rows: 5 });
    expect(largestDifference(padded.losses, plain.losses)).toBeLessThan(1e-5);
  });
});
