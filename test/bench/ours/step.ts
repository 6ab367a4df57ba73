// A training step as trials take it: `step MODEL SIZE full|lora compiled|eager`.
import type { OptimizerSettings } from "../../../worker/contract/trial-spec.ts";
import { loadCaptioner } from "../../../worker/model/blip-captioner.ts";
import { loadEngine } from "../../../worker/tensor/backend.ts";
import { initAdamW } from "../../../worker/train/adamw.ts";
import { disposeBatch } from "../../../worker/train/caption-batch.ts";
import { CompiledLearner } from "../../../worker/train/compiled-learner.ts";
import { EagerLearner } from "../../../worker/train/eager-learner.ts";
import { ADAPTER } from "../adapter.ts";
import { answer } from "./answer.ts";
import { randomBatch, sizeNamed } from "./random-batch.ts";

const LEARNING_RATE = 1e-4;
const settings: OptimizerSettings = {
  name: "adamw",
  betas: [0.9, 0.999],
  eps: 1e-8,
  weight_decay: 0.01,
};

const [directory = "", sizeName, method, way] = process.argv.slice(2);
if (method !== "full" && method !== "lora") throw new Error(`no method ${method}`);
const size = sizeNamed(sizeName);
const engine = await loadEngine();
const captioner = await loadCaptioner({
  directory,
  init: "random",
  seed: 1,
  method,
  ...(method === "lora" && { lora: ADAPTER }),
});
const trained = Object.values(captioner.parameters).reduce((sum, { size: one }) => sum + one, 0);
const Learner = way === "eager" ? EagerLearner : CompiledLearner;
const state = initAdamW(captioner.parameters);
const learner = new Learner({ trainable: captioner, state, settings });
let step = 0;

await answer({ trained, engine }, async () => {
  step += 1;
  const batch = randomBatch(size, step);
  const dropoutSeed = method === "lora" ? step : null;
  const loss = await learner
    .step({ batch, lr: LEARNING_RATE, dropoutSeed })
    .finally(() => disposeBatch(batch));
  return { loss };
});
