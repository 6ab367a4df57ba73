import * as tf from "@tensorflow/tfjs-core";
import type { Tensor } from "@tensorflow/tfjs-core";
import { type LayerPass, weight } from "../layers.ts";

const LSTM = "decoder.lstm";

/** What an LSTM remembers of each row: its output h and its cell c. [B, H] each */
export type LstmState = { h: Tensor; c: Tensor };

export function emptyState(rows: number, width: number): LstmState {
  return { h: tf.zeros([rows, width]), c: tf.zeros([rows, width]) };
}

/** What the inputs of any number of steps add to the gates. x [N, E] → [N, 4H] */
export function gateInputs(pass: LayerPass, x: Tensor): Tensor {
  const product = tf.matMul(x, weight(pass, `${LSTM}.weight_ih_l0`), false, true);
  const bias = tf.add(weight(pass, `${LSTM}.bias_ih_l0`), weight(pass, `${LSTM}.bias_hh_l0`));
  return tf.add(product, bias);
}

/**
 * One step of the LSTM (Vinyals et al. 2015, equations 4 to 8, but with biases and the tanh of the
 * cell, as `torch.nn.LSTM` has them): c' = f ∘ c + i ∘ g and h' = o ∘ tanh(c'), where the gates
 * i, f, o = σ(W x + R h + b) and g = tanh(…) stand side by side in the order i, f, g, o.
 * inputs [B, 4H], from `gateInputs`
 */
export function lstmStep(pass: LayerPass, { h, c }: LstmState, inputs: Tensor): LstmState {
  const recurrent = tf.matMul(h, weight(pass, `${LSTM}.weight_hh_l0`), false, true);
  const [i, f, g, o] = tf.split(tf.add(inputs, recurrent), 4, 1);
  const kept = tf.mul(tf.sigmoid(f!), c);
  const cell = tf.add(kept, tf.mul(tf.sigmoid(i!), tf.tanh(g!)));
  return { h: tf.mul(tf.sigmoid(o!), tf.tanh(cell)), c: cell };
}
