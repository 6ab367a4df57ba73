import * as tf from "@tensorflow/tfjs-core";
import type { Scalar, Tensor } from "@tensorflow/tfjs-core";
import { crossEntropy } from "../caption-loss.ts";
import { dropout } from "../dropout.ts";
import { embed, type LayerPass, linear, weight } from "../layers.ts";
import type { CaptionTokens } from "../trainable.ts";
import type { CnnLstmConfig } from "./cnn-lstm-config.ts";
import { emptyState, gateInputs, type LstmState, lstmStep } from "./lstm.ts";

/** All that a forward pass depends on besides its inputs. */
export interface CnnLstmPass extends LayerPass {
  config: CnnLstmConfig;
}

/**
 * Mean cross-entropy of each next token over all labels that count, with the caption's own tokens
 * as inputs. As in Show and Tell (Vinyals et al. 2015, equations 10 to 13) the picture is the input
 * before the first token; and it is added to every token's, as Donahue et al. (2015) show it at
 * each step: with a few hundred pictures nothing is learned of them otherwise. pictures [B, E]
 */
export function cnnLstmLoss(pass: CnnLstmPass, pictures: Tensor, batch: CaptionTokens): Scalar {
  const [captions, length] = batch.inputIds.shape;
  // The last token predicts nothing that has a label.
  const steps = length - 1;
  const ids = tf.transpose(tf.slice(batch.inputIds, [0, 0], [captions, steps]));
  const words = wordInputs(pass, ids, tf.tile(pictures, [steps, 1]));
  let state = seen(pass, pictures);
  const outputs = tf.split(words, steps, 0).map((inputs) => {
    state = lstmStep(pass, state, inputs);
    return state.h;
  });
  const labels = tf.transpose(tf.slice(batch.labels, [0, 1], [captions, steps]));
  const logits = predictWords(pass, tf.concat(outputs, 0));
  return crossEntropy({ logits, labels: tf.reshape(labels, [-1]), smoothing: 0 });
}

/** The state of an LSTM that has taken pictures [B, E] and no words. */
export function seen(pass: CnnLstmPass, pictures: Tensor): LstmState {
  const start = emptyState(pictures.shape[0], pass.config.decoder.hidden_size);
  return lstmStep(pass, start, gateInputs(pass, pictures));
}

/** What words and the pictures they describe add to the gates. ids int32 N, [N, E] → [N, 4H] */
export function wordInputs(pass: CnnLstmPass, ids: Tensor, pictures: Tensor): Tensor {
  const { pad_token_id, dropout: rate } = pass.config.decoder;
  const words = embed(weight(pass, "decoder.embedding.weight"), ids, pad_token_id);
  return gateInputs(pass, tf.add(dropout(pass.dropout, words, rate), pictures));
}

/** Scores of the words that follow outputs of the LSTM. [N, H] → [N, V] */
export function predictWords(pass: CnnLstmPass, outputs: Tensor): Tensor {
  return linear(
    pass,
    "decoder.output",
    dropout(pass.dropout, outputs, pass.config.decoder.dropout),
  );
}
