import * as tf from "@tensorflow/tfjs-core";
import type { Tensor } from "@tensorflow/tfjs-core";
import type { NamedTensors } from "../../tensor/named-tensors.ts";
import type { Decoded, DecoderSize, DecoderStart, NextTokens } from "../captioner.ts";
import { type CnnLstmPass, predictWords, seen, wordInputs } from "./caption-lstm.ts";
import { type LstmState, lstmStep } from "./lstm.ts";

/** Shows the LSTM each picture and the first tokens; every row of an image starts from there. */
export function beginLstm(
  pass: CnnLstmPass,
  { imageStates: pictures, firstIds }: DecoderStart,
  { beams }: DecoderSize,
): Decoded {
  let state = seen(pass, pictures);
  for (const ids of tf.unstack(firstIds, 1)) {
    state = lstmStep(pass, state, wordInputs(pass, ids, pictures));
  }
  return {
    scores: predictWords(pass, state.h),
    memory: { ...perImage(state, beams), pictures: forEachRow(pictures, beams) },
  };
}

/** Shows each row its next token. */
export function advanceLstm(
  pass: CnnLstmPass,
  { tokens, parents }: NextTokens,
  { h, c, pictures }: NamedTensors,
): Decoded {
  const beams = tokens.shape[1]!;
  const past = {
    h: tf.gather(rows(h!), parents),
    c: tf.gather(rows(c!), parents),
  };
  const state = lstmStep(pass, past, wordInputs(pass, tf.reshape(tokens, [-1]), rows(pictures!)));
  return {
    scores: predictWords(pass, state.h),
    memory: {
      h: tf.reshape(state.h, [-1, beams, state.h.shape[1]!]),
      c: tf.reshape(state.c, [-1, beams, state.c.shape[1]!]),
    },
  };
}

function perImage({ h, c }: LstmState, beams: number): { h: Tensor; c: Tensor } {
  return { h: forEachRow(h, beams), c: forEachRow(c, beams) };
}

/** [B, E] → [B, beams, E] */
function forEachRow(values: Tensor, beams: number): Tensor {
  return tf.tile(tf.expandDims(values, 1), [1, beams, 1]);
}

/** [B, beams, E] → [R, E] */
function rows(values: Tensor): Tensor {
  return tf.reshape(values, [-1, values.shape[2]!]);
}
