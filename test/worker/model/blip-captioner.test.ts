import { mkdir, mkdtemp, readFile, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import path from "node:path";
import * as tf from "@tensorflow/tfjs-core";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import type { LoraSettings, OptimizerSettings } from "../../../worker/contract/trial-spec.ts";
import { loadCaptioner } from "../../../worker/model/blip-captioner.ts";
import type { BlipCaptioner, LoadCaptionerOptions } from "../../../worker/model/blip-captioner.ts";
import { lossAndGradients } from "../../../worker/model/loss-and-gradients.ts";
import type { CaptionTokens, Trainable } from "../../../worker/model/trainable.ts";
import { readNamedTensors, writeNamedTensors } from "../../../worker/tensor/named-tensors.ts";
import type { NamedTensors } from "../../../worker/tensor/named-tensors.ts";
import { normalValues } from "../../../worker/tensor/seeded-values.ts";
import { adamwStep, initAdamW } from "../../../worker/train/adamw.ts";
import { describeOnEachEngine } from "../../rig/engines.ts";
import { withSearcher } from "../../rig/searcher.ts";

const WIDTH = 16;
const SEP = 3;
const BOS = 31;
const config = {
  model_type: "blip",
  text_config: {
    vocab_size: 32,
    hidden_size: WIDTH,
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
    hidden_size: WIDTH,
    intermediate_size: 32,
    num_hidden_layers: 2,
    num_attention_heads: 2,
    image_size: 16,
    patch_size: 8,
  },
};
const lora: LoraSettings = { r: 4, alpha: 8, dropout: 0.1, target_modules: ["query", "value"] };
const settings: OptimizerSettings = {
  name: "adamw",
  betas: [0.9, 0.999],
  eps: 1e-8,
  weight_decay: 0.01,
};
const captions = [
  [BOS, 5, 6, 7, SEP],
  [BOS, 8, 9, SEP, 0],
  [BOS, 5, 9, 10, SEP],
  [BOS, 11, SEP, 0, 0],
];

let root: string;
let directory: string;
beforeAll(async () => {
  root = await mkdtemp(path.join(tmpdir(), "qsweep-captioner-"));
  directory = path.join(root, "model");
  await mkdir(directory);
  await writeFile(path.join(directory, "config.json"), JSON.stringify(config));
});
afterAll(() => rm(root, { recursive: true }));

function load(options: Partial<LoadCaptionerOptions> = {}): Promise<BlipCaptioner> {
  return loadCaptioner({ directory, init: "random", seed: 1, method: "full", lora, ...options });
}

type Batch = CaptionTokens & { pixelValues: tf.Tensor4D };

/** Four images of noise with a caption each. */
function makeBatch(): Batch {
  const shape: [number, number, number, number] = [captions.length, 16, 16, 3];
  const count = shape.reduce((product, size) => product * size, 1);
  const inputIds = tf.tensor2d(captions, undefined, "int32");
  const mask = captions.map((ids) => ids.map((id) => Number(id !== 0)));
  const labels = captions.map((ids) => ids.map((id) => (id === 0 ? -100 : id)));
  return {
    pixelValues: tf.tensor4d(normalValues({ key: "pixels", count }, 1), shape),
    inputIds,
    attentionMask: tf.tensor2d(mask, undefined, "int32"),
    labels: tf.tensor2d(labels, undefined, "int32"),
  };
}

function disposeBatch(batch: Batch): void {
  tf.dispose([batch.pixelValues, batch.inputIds, batch.attentionMask, batch.labels]);
}

/** Steps of AdamW on one batch; step k draws its dropout from seed k, or none without dropout. */
function train(captioner: Trainable, plan: { steps: number; lr: number; dropout: "on" | "off" }) {
  const batch = makeBatch();
  let state = initAdamW(captioner.parameters);
  const losses: number[] = [];
  for (let step = 1; step <= plan.steps; step += 1) {
    const seed = plan.dropout === "on" ? step : null;
    const { loss, gradients } = lossAndGradients(captioner.parameters, (named) =>
      captioner.loss(named, batch, seed),
    );
    losses.push(loss.dataSync()[0]!);
    const { parameters } = captioner;
    const next = adamwStep({ parameters, gradients, state, lr: plan.lr, settings });
    tf.dispose([loss, gradients, state.m, state.v]);
    captioner.replaceParameters(next.parameters);
    state = next.state;
  }
  tf.dispose([state.m, state.v]);
  disposeBatch(batch);
  return losses;
}

async function saved(captioner: BlipCaptioner, name: string): Promise<string> {
  const target = path.join(root, name);
  await rm(target, { recursive: true, force: true });
  await mkdir(target);
  await captioner.save(target);
  return target;
}

function valuesOf(tensors: NamedTensors): Record<string, number[]> {
  return Object.fromEntries(
    Object.entries(tensors).map(([name, tensor]) => [name, [...tensor.dataSync()]]),
  );
}

describeOnEachEngine("a captioner", (loadEngine) => {
  beforeAll(loadEngine);

  it("learns four captions by heart and then says them", async () => {
    const captioner = await load();
    const losses = train(captioner, { steps: 60, lr: 1e-2, dropout: "off" });
    const batch = makeBatch();
    const options = { numBeams: 1, maxNewTokens: 8 };
    const found = await withSearcher(captioner, (searcher) => searcher.generate(batch, options));
    disposeBatch(batch);
    captioner.dispose();
    expect(losses.at(-1)).toBeLessThan(0.05);
    expect(found).toEqual(captions.map((ids) => ids.filter((id) => id !== 0)));
  });

  it.each(["full", "lora"] as const)("trains to the same bits twice, %s", async (method) => {
    const runs = [];
    for (let run = 0; run < 2; run += 1) {
      const captioner = await load({ method });
      const losses = train(captioner, { steps: 3, lr: 1e-2, dropout: "on" });
      runs.push({ losses, parameters: valuesOf(captioner.parameters) });
      captioner.dispose();
    }
    expect(runs[0]).toEqual(runs[1]);
  });

  it("draws another dropout from another seed, and none without", async () => {
    const captioner = await load();
    const batch = makeBatch();
    const lossOf = (seed: number | null) =>
      tf.tidy(() => captioner.loss(captioner.parameters, batch, seed).dataSync()[0]!);
    expect(lossOf(1)).toBe(lossOf(1));
    expect(lossOf(1)).not.toBe(lossOf(2));
    expect(lossOf(1)).not.toBe(lossOf(null));
    disposeBatch(batch);
    captioner.dispose();
  });

  it.each(["full", "lora"] as const)("leaves no tensors behind, %s", async (method) => {
    const before = tf.memory().numTensors;
    const captioner = await load({ method });
    train(captioner, { steps: 1, lr: 1e-3, dropout: "on" });
    const loaded = tf.memory().numTensors;
    train(captioner, { steps: 2, lr: 1e-3, dropout: "on" });
    expect(tf.memory().numTensors).toBe(loaded);
    const batch = makeBatch();
    const options = { numBeams: 2, maxNewTokens: 5 };
    await withSearcher(captioner, (searcher) => searcher.generate(batch, options));
    disposeBatch(batch);
    captioner.dispose();
    expect(tf.memory().numTensors).toBe(before);
  });

  it.each([
    ["full", true],
    ["lora", false],
  ] as const)("computes gradients of what is trained only, %s", async (method, isTrained) => {
    const captioner = await load({ method });
    const batch = makeBatch();
    const { kernels } = await tf.profile(() => {
      const { loss, gradients } = lossAndGradients(captioner.parameters, (named) =>
        captioner.loss(named, batch, 1),
      );
      tf.dispose([loss, gradients]);
    });
    disposeBatch(batch);
    captioner.dispose();
    const shapes = kernels.flatMap(({ outputShapes }) => outputShapes.map(String));
    const gradientOfFusedQkv = `${3 * WIDTH},${WIDTH}`;
    expect(shapes.includes(gradientOfFusedQkv)).toBe(isTrained);
  });

  it("passes no gradient into the padding row but from the head of a tied model", async () => {
    const batch = makeBatch();
    const gradientOfPadding = async (tie_word_embeddings: boolean) => {
      const model = path.join(root, `tied-${tie_word_embeddings}`);
      await mkdir(model, { recursive: true });
      const tied = { ...config, tie_word_embeddings };
      await writeFile(path.join(model, "config.json"), JSON.stringify(tied));
      const captioner = await load({ directory: model });
      const { gradients, loss } = lossAndGradients(captioner.parameters, (named) =>
        captioner.loss(named, batch, null),
      );
      const name = "text_decoder.bert.embeddings.word_embeddings.weight";
      const largest = [...gradients[name]!.dataSync()]
        .slice(0, WIDTH)
        .reduce((most, value) => Math.max(most, Math.abs(value)), 0);
      tf.dispose([gradients, loss]);
      captioner.dispose();
      return largest;
    };
    expect(await gradientOfPadding(false)).toBe(0);
    expect(await gradientOfPadding(true)).toBeGreaterThan(0);
    disposeBatch(batch);
  });
});

describeOnEachEngine("files of a captioner", (loadEngine) => {
  beforeAll(loadEngine);

  it("continue a full training bit for bit", async () => {
    const captioner = await load();
    train(captioner, { steps: 1, lr: 1e-2, dropout: "on" });
    const trainedFrom = await saved(captioner, "full");
    const resumed = await load({ seed: 99, trainedFrom });
    const whole = await load({ directory: trainedFrom, init: "pretrained" });
    expect(valuesOf(resumed.parameters)).toEqual(valuesOf(captioner.parameters));
    expect(valuesOf(whole.parameters)).toEqual(valuesOf(captioner.parameters));
    for (const each of [captioner, resumed, whole]) each.dispose();
  });

  it("continue an adapter on the same random weights bit for bit", async () => {
    const captioner = await load({ method: "lora" });
    train(captioner, { steps: 1, lr: 1e-2, dropout: "on" });
    const trainedFrom = await saved(captioner, "lora");
    const resumed = await load({ method: "lora", trainedFrom });
    const [one, other] = [captioner, resumed].map((each) =>
      train(each, { steps: 2, lr: 1e-2, dropout: "on" }),
    );
    expect(one).toEqual(other);
    captioner.dispose();
    resumed.dispose();
  });

  it("give an adapter's captions without being trained on", async () => {
    const captioner = await load({ method: "lora" });
    train(captioner, { steps: 30, lr: 3e-2, dropout: "off" });
    const trainedFrom = await saved(captioner, "adapter");
    const merged = await load({ method: "untuned", trainedFrom });
    const untuned = await load({ method: "untuned" });
    const batch = makeBatch();
    const losses = [captioner, merged, untuned].map((each) =>
      tf.tidy(() => each.loss(each.parameters, batch, null).dataSync()[0]!),
    );
    expect(Object.keys(merged.parameters)).toEqual([]);
    expect(losses[1]).toBeCloseTo(losses[0]!, 4);
    expect(losses[2]).toBeGreaterThan(losses[0]! + 0.1);
    disposeBatch(batch);
    for (const each of [captioner, merged, untuned]) each.dispose();
  });

  it("may be split into shards", async () => {
    const captioner = await load();
    const model = await saved(captioner, "shards");
    const weights = await readNamedTensors(path.join(model, "model.safetensors"));
    const weight_map: Record<string, string> = {};
    for (const [name, tensor] of Object.entries(weights)) {
      const part = name.startsWith("vision_model.") ? "part-1" : "part-2";
      weight_map[name] = `${part}.safetensors`;
      tensor.dispose();
    }
    for (const shard of new Set(Object.values(weight_map))) {
      const part = Object.entries(captioner.parameters).filter(
        ([name]) => weight_map[name] === shard,
      );
      await writeNamedTensors(path.join(model, shard), Object.fromEntries(part));
    }
    await rm(path.join(model, "model.safetensors"));
    const index = path.join(model, "model.safetensors.index.json");
    await writeFile(index, JSON.stringify({ weight_map }));
    const again = await load({ directory: model, init: "pretrained" });
    expect(valuesOf(again.parameters)).toEqual(valuesOf(captioner.parameters));
    captioner.dispose();
    again.dispose();
  });

  it("name what is missing, unexpected and mis-shaped, and how many there are", async () => {
    const captioner = await load();
    const model = await saved(captioner, "unfit");
    const head = "text_decoder.cls.predictions.decoder.weight";
    const { [head]: absent, ...rest } = captioner.parameters;
    const bias = "vision_model.post_layernorm.bias";
    const file = path.join(model, "model.safetensors");
    await writeNamedTensors(file, { ...rest, stray: tf.zeros([1]), [bias]: tf.zeros([5]) });
    const failure = await load({ directory: model, init: "pretrained" }).catch(
      (error: unknown) => error,
    );
    expect(absent).toBeDefined();
    expect(failure).toMatchObject({ reason: "model-invalid" });
    expect(String(failure)).toContain(
      `1 missing (${head}); 1 unexpected (stray); 1 of another shape or type (${bias} is [5] instead of [${WIDTH}])`,
    );
    captioner.dispose();
  });

  it("ignore a tied model's copy of the head, and what older versions stored", async () => {
    const captioner = await load();
    const model = await saved(captioner, "redundant");
    const tied = { ...config, tie_word_embeddings: true };
    await writeFile(path.join(model, "config.json"), JSON.stringify(tied));
    await writeNamedTensors(path.join(model, "model.safetensors"), {
      ...captioner.parameters,
      "text_decoder.cls.predictions.decoder.bias": tf.zeros([32]),
      "text_decoder.bert.embeddings.position_ids": tf.zeros([1, 16], "int32"),
    });
    const loaded = await load({ directory: model, init: "pretrained" });
    expect(Object.keys(loaded.parameters)).toHaveLength(
      Object.keys(captioner.parameters).length - 1,
    );
    captioner.dispose();
    loaded.dispose();
  });

  it("refuse an adapter of other settings", async () => {
    const captioner = await load({ method: "lora" });
    const trainedFrom = await saved(captioner, "other-alpha");
    captioner.dispose();
    const other = { ...lora, alpha: 99 };
    await expect(load({ method: "lora", lora: other, trainedFrom })).rejects.toMatchObject({
      reason: "model-invalid",
    });
  });

  it("refuse variants of LoRA that are not implemented", async () => {
    const captioner = await load({ method: "lora" });
    const trainedFrom = await saved(captioner, "dora");
    captioner.dispose();
    const file = path.join(trainedFrom, "adapter_config.json");
    const written: unknown = JSON.parse(await readFile(file, "utf8"));
    await writeFile(file, JSON.stringify(Object.assign({}, written, { use_dora: true })));
    await expect(load({ method: "lora", trainedFrom })).rejects.toThrow("use_dora");
  });
});

describe("loading", () => {
  it("says which layers there are when a LoRA target is none", async () => {
    const unknown = { ...lora, target_modules: ["query", "q_proj"] };
    const failure = await load({ method: "lora", lora: unknown }).catch((error: unknown) => error);
    expect(failure).toMatchObject({ reason: "model-invalid" });
    expect(String(failure)).toContain("q_proj");
    expect(failure).toHaveProperty("remedy", expect.stringContaining("query, key, value"));
  });

  it("says that a directory has no weights", async () => {
    await expect(load({ init: "pretrained" })).rejects.toMatchObject({ reason: "model-missing" });
  });

  it("draws other weights from another seed", async () => {
    const [one, same, other] = await Promise.all([load(), load(), load({ seed: 2 })]);
    const name = "vision_model.encoder.layers.0.mlp.fc1.weight";
    const drawn = [one, same, other].map((each) => each.parameters[name]!.dataSync());
    expect(drawn[0]).toEqual(drawn[1]);
    expect(drawn[0]).not.toEqual(drawn[2]);
    for (const each of [one, same, other]) each.dispose();
  });
});
