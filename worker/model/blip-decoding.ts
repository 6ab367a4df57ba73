import * as tf from "@tensorflow/tfjs-core";
import type { Tensor } from "@tensorflow/tfjs-core";
import type { NamedTensors } from "../tensor/named-tensors.ts";
import type { Decoded, DecoderSize, DecoderStart, NextTokens } from "./captioner.ts";
import type { ForwardPass } from "./layers.ts";
import {
  barred,
  causalMask,
  decodeText,
  imageKeyValues,
  type KeyValues,
  predictTokens,
} from "./text-decoder.ts";

/** Names of keys and values that are kept: of the image, and of the tokens so far. */
type Kept = "image" | "tokens";

/** Decodes the first tokens; keeps what each layer reads from the image, computed once. */
export function beginDecoding(
  pass: ForwardPass,
  { imageStates, firstIds }: DecoderStart,
  size: DecoderSize,
): Decoded {
  const [images, length = 0] = firstIds.shape;
  const states = tf.reshape(imageStates, [-1, imageStates.shape.at(-1)!]);
  const image = imageKeyValues(pass, states, images);
  const { hiddenStates, keyValues } = decodeText(pass, {
    inputIds: firstIds,
    image,
    past: null,
    mask: causalMask(tf.ones([images, length])),
  });
  const all = tf.reshape(hiddenStates.at(-1)!, [images, length, -1]);
  const last = tf.squeeze(tf.slice(all, [0, length - 1, 0], [-1, 1, -1]), [1]); // [B, C]
  const tokens = keyValues.map((layer) => withPlaces(layer, size.beams * size.capacity));
  return {
    scores: predictTokens(pass, last),
    memory: { ...kept("image", image), ...kept("tokens", tokens) },
  };
}

/**
 * Decodes one more token of each row. Keys and values stay where they were first written, at their
 * row and place; which of them a row consists of is said by `visible`, so that nothing is moved when
 * rows continue others.
 */
export function advanceDecoding(
  pass: ForwardPass,
  { tokens, position, visible }: NextTokens,
  memory: NamedTensors,
): Decoded {
  const layers = pass.config.text_config.num_hidden_layers;
  const { hiddenStates, keyValues } = decodeText(pass, {
    inputIds: tokens,
    image: keptIn(memory, "image", layers),
    past: { keyValues: keptIn(memory, "tokens", layers), position },
    mask: barred(visible),
  });
  return {
    scores: predictTokens(pass, hiddenStates.at(-1)!),
    memory: kept("tokens", keyValues),
  };
}

/** The first row's places hold the tokens so far, others nothing. [B, H, F, D] → [B, H, T, D] */
function withPlaces({ keys, values }: KeyValues, places: number): KeyValues {
  const none: [number, number] = [0, 0];
  const padded = (tensor: Tensor): Tensor =>
    tf.pad(tensor, [none, none, [0, places - tensor.shape[2]!], none]);
  return { keys: padded(keys), values: padded(values) };
}

function kept(kind: Kept, layers: readonly KeyValues[]): NamedTensors {
  return Object.fromEntries(
    layers.flatMap(({ keys, values }, layer) => [
      [`${kind}.keys.${layer}`, keys],
      [`${kind}.values.${layer}`, values],
    ]),
  );
}

function keptIn(memory: NamedTensors, kind: Kept, layers: number): KeyValues[] {
  return Array.from({ length: layers }, (_, layer) => ({
    keys: memory[`${kind}.keys.${layer}`]!,
    values: memory[`${kind}.values.${layer}`]!,
  }));
}
