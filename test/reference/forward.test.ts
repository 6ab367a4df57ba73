import * as tf from "@tensorflow/tfjs-core";
import { afterAll, beforeAll, expect, it } from "vitest";
import { z } from "zod";
import { loadCaptioner } from "../../worker/model/blip-captioner.ts";
import type { BlipCaptioner } from "../../worker/model/blip-captioner.ts";
import { captionLoss } from "../../worker/model/caption-loss.ts";
import { layerNorm } from "../../worker/model/layers.ts";
import type { ForwardPass } from "../../worker/model/layers.ts";
import {
  causalMask,
  decodeText,
  imageKeyValues,
  predictTokens,
} from "../../worker/model/text-decoder.ts";
import { encodeImages } from "../../worker/model/vision-encoder.ts";
import type { NamedTensors } from "../../worker/tensor/named-tensors.ts";
import { describeEachWay, describeOnEachEngine } from "../rig/engines.ts";
import { fixturePath } from "./fixtures.ts";
import {
  expectClose,
  fixtureJson,
  fixtureTensors,
  largest,
  lossAndGradientsInWay,
  toBatch,
  toPixelValues,
  type PixelBatch,
} from "./model-fixtures.ts";

const STATES = 2e-5;
const LOGITS = 5e-5;
const RELATIVE_LOSS = 2e-6;
const GRADIENT = 5e-6;
const RELATIVE_GRADIENT = 1e-5;

const { losses } = fixtureJson(
  "tiny-blip-forward/forward.json",
  z.object({
    losses: z.record(z.string(), z.object({ loss: z.number(), label_smoothing: z.number() })),
  }),
);

function batchOf(activations: NamedTensors, labels: "pads_counted" | "pads_masked"): PixelBatch {
  return toBatch({
    pixels: activations["pixel_values"]!,
    inputIds: activations["input_ids"]!,
    attentionMask: activations["attention_mask"]!,
    labels,
  });
}

async function loadReference(): Promise<{ captioner: BlipCaptioner; expected: NamedTensors }> {
  const directory = fixturePath("tiny-blip");
  return {
    captioner: await loadCaptioner({ directory, init: "pretrained", seed: 0, method: "full" }),
    expected: await fixtureTensors("tiny-blip-forward/activations.safetensors"),
  };
}

describeOnEachEngine("the forward pass", (load) => {
  let captioner: BlipCaptioner;
  let expected: NamedTensors;
  let pass: ForwardPass;

  beforeAll(async () => {
    await load();
    ({ captioner, expected } = await loadReference());
    pass = { config: captioner.config, weights: captioner.parameters, lora: null, dropout: null };
  });
  afterAll(() => {
    captioner.dispose();
    tf.dispose(expected);
  });

  function statesOf(part: string): tf.Tensor[] {
    return Object.keys(expected)
      .filter((name) => name.startsWith(`${part}.hidden_states.`))
      .map((_, index) => expected[`${part}.hidden_states.${index}`]!);
  }

  function decode(attentionMask: tf.Tensor): tf.Tensor[] {
    const { imageStates } = encodeImages(pass, toPixelValues(expected["pixel_values"]!));
    const inputIds = expected["input_ids"]!;
    return decodeText(pass, {
      inputIds,
      image: imageKeyValues(pass, imageStates, inputIds.shape[0]),
      past: null,
      mask: causalMask(attentionMask),
    }).hiddenStates;
  }

  it("computes every state of the vision encoder", () => {
    tf.tidy(() => {
      const encoded = encodeImages(pass, toPixelValues(expected["pixel_values"]!));
      const states = statesOf("vision");
      expect(encoded.hiddenStates).toHaveLength(states.length);
      for (const [index, state] of states.entries()) {
        expectClose(encoded.hiddenStates[index]!, state, STATES);
      }
      expectClose(encoded.imageStates, expected["vision.last_hidden_state"]!, STATES);
    });
  });

  it("normalises the class token once more for the pooled output", () => {
    tf.tidy(() => {
      const last = expected["vision.last_hidden_state"]!;
      const [images, , width] = last.shape;
      const classToken = tf.reshape(tf.slice(last, [0, 0, 0], [-1, 1, -1]), [images, width!]);
      const epsilon = pass.config.vision_config.layer_norm_eps;
      const pooled = layerNorm(pass, "vision_model.post_layernorm", classToken, epsilon);
      expectClose(pooled, expected["vision.pooler_output"]!, STATES);
    });
  });

  it("computes every state of the text decoder", () => {
    tf.tidy(() => {
      const actual = decode(expected["attention_mask"]!);
      const states = statesOf("text");
      expect(actual).toHaveLength(states.length);
      for (const [index, state] of states.entries()) expectClose(actual[index]!, state, STATES);
    });
  });

  it("scores the next tokens with an attention mask", () => {
    tf.tidy(() => {
      const states = decode(expected["attention_mask"]!).at(-1)!;
      expectClose(predictTokens(pass, states), expected["logits"]!, LOGITS);
    });
  });

  it("scores the next tokens without an attention mask", () => {
    tf.tidy(() => {
      const states = decode(tf.onesLike(expected["attention_mask"]!)).at(-1)!;
      const logits = predictTokens(pass, states);
      expectClose(logits, expected["logits_without_attention_mask"]!, LOGITS);
    });
  });

  it.each(Object.entries(losses))("computes the loss %s", (name, { loss, label_smoothing }) => {
    const labels = name.startsWith("pads_masked") ? "pads_masked" : "pads_counted";
    const text_config = { ...pass.config.text_config, label_smoothing };
    const smoothed = { ...pass, config: { ...pass.config, text_config } };
    const actual = tf.tidy(() => {
      const inputs = batchOf(expected, labels);
      const { imageStates } = encodeImages(pass, inputs.pixelValues);
      return captionLoss(smoothed, imageStates, inputs).dataSync()[0]!;
    });
    expect(Math.abs(actual - loss)).toBeLessThanOrEqual(RELATIVE_LOSS * loss);
  });
});

describeEachWay("the backward pass", (set) => {
  beforeAll(set);

  it.each(["pads_counted", "pads_masked"] as const)("has all gradients, %s", async (labels) => {
    const { captioner, expected } = await loadReference();
    const gradients = await fixtureTensors(`tiny-blip-forward/grads_${labels}.safetensors`);
    tf.tidy(() => {
      const actual = lossAndGradientsInWay(captioner, batchOf(expected, labels)).gradients;
      expect(Object.keys(actual).toSorted()).toEqual(Object.keys(gradients).toSorted());
      for (const [name, gradient] of Object.entries(gradients)) {
        const tolerance = Math.max(GRADIENT, RELATIVE_GRADIENT * largest(gradient));
        expect(actual[name]!.shape, name).toEqual(gradient.shape);
        expectClose(actual[name]!, gradient, tolerance);
      }
    });
    tf.dispose([gradients, expected]);
    captioner.dispose();
  });
});
