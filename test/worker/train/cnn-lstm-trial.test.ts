import { rm, writeFile } from "node:fs/promises";
import path from "node:path";
import { afterAll, beforeAll, describe, expect, it, vi } from "vitest";
import { registerCaptionCommand } from "../../../worker/commands/caption.ts";
import type { TrialEvent } from "../../../worker/contract/trial-event.ts";
import type { TrialSpec } from "../../../worker/contract/trial-spec.ts";
import { CaptionTokenizer } from "../../../worker/data/caption-tokenizer.ts";
import { loadCnnLstm } from "../../../worker/model/cnn-lstm/cnn-lstm-captioner.ts";
import { loadEngine } from "../../../worker/tensor/backend.ts";
import { referenceFolder } from "../commands/captioned-set.ts";
import { runCommand } from "../commands/run-command.ts";
import {
  endOf,
  makeTinySetting,
  newTrialDirectory,
  readResult,
  runTinyAttempt,
  tinySpec,
  type TinySetting,
} from "./tiny-trial.ts";

const STEPS = 6;
const VOCABULARY = 481;
const afterStep = (step: number) => (event: TrialEvent) =>
  event.type === "step" && event.step === step ? "stop" : null;

/** The tiny setting with a CNN-LSTM in place of its model: the same tokenizer and pictures. */
async function cnnLstmSetting(): Promise<TinySetting> {
  const setting = await makeTinySetting();
  const directory = setting.model;
  const { clsId, sepId, padId } = await CaptionTokenizer.load(directory);
  const config = {
    model_type: "cnn-lstm",
    encoder: { image_size: 48, channels: [4, 8, 8], groups: 2, norm_eps: 1e-5 },
    decoder: {
      vocab_size: VOCABULARY,
      embedding_size: 12,
      hidden_size: 16,
      dropout: 0.1,
      bos_token_id: clsId,
      sep_token_id: sepId,
      pad_token_id: padId,
    },
  };
  await rm(path.join(directory, "model.safetensors"));
  await writeFile(path.join(directory, "config.json"), JSON.stringify(config));
  await loadEngine({ threads: 1 });
  const captioner = await loadCnnLstm({ directory, init: "random", seed: 3 });
  await captioner.save(directory);
  captioner.dispose();
  return setting;
}

describe.each(["compiled", "eager"] as const)("a trial of a CNN-LSTM, %s", (way) => {
  let setting: TinySetting;
  let spec: TrialSpec;
  let whole: string;

  beforeAll(async () => {
    vi.stubEnv("QSWEEP_EAGER", way === "eager" ? "1" : "0");
    setting = await cnnLstmSetting();
    spec = await tinySpec(setting, "cnn-lstm", { train: { lr: 1e-2 } });
    whole = await newTrialDirectory(setting);
    const exit = await runTinyAttempt(spec, { trialDirectory: whole, attempt: 1 });
    expect(exit).toEqual({ version: 1, outcome: "finished", step: STEPS });
  });

  afterAll(async () => {
    vi.unstubAllEnvs();
    await setting.dispose();
  });

  it("learns", async () => {
    const { epochs } = await readResult(whole, 1);
    expect(epochs[1]!.loss).toBeLessThan(epochs[0]!.loss! - 0.1);
  });

  it.each([2, 3, 5])(
    "ends bit for bit like one never stopped, stopped after step %i",
    async (at) => {
      const trialDirectory = await newTrialDirectory(setting);
      await runTinyAttempt(spec, { trialDirectory, attempt: 1, stopAfter: afterStep(at) });
      await runTinyAttempt(spec, { trialDirectory, attempt: 2 });
      expect(await endOf(trialDirectory, [1, 2])).toEqual(await endOf(whole, [1]));
    },
  );

  it("leaves a checkpoint that the caption command takes, with a prompt and beams", async () => {
    const { best } = await readResult(whole, 1);
    const model = path.join(whole, best.checkpoint!);
    const picture = referenceFolder("images/rgb.jpg");
    const words = ["--num-beams", "3", "--max-new-tokens", "6", "--prompt", "a red"];
    const { value } = await runCommand(registerCaptionCommand, [
      "caption",
      picture,
      "--model",
      model,
      ...words,
    ]);
    const ids = expect.any(Array);
    const caption = expect.stringMatching(/^a red/);
    expect(value).toEqual([{ image: picture, ids, caption }]);
  });
});

it("a full fine-tuning of a CNN-LSTM folder is refused by its model_type", async () => {
  const setting = await cnnLstmSetting();
  const spec = await tinySpec(setting, "full");
  const trialDirectory = await newTrialDirectory(setting);
  expect(await runTinyAttempt(spec, { trialDirectory, attempt: 1 })).toMatchObject({
    outcome: "failed",
    failure: { reason: "model-invalid", message: expect.stringContaining("model_type") },
  });
  await setting.dispose();
});
