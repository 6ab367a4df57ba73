import type { Tensor, Tensor4D } from "@tensorflow/tfjs-core";
import type { NamedTensors } from "../tensor/named-tensors.ts";
import type { Trainable } from "./trainable.ts";

/** Sequences decoded together. */
export interface DecoderSize {
  /** Rows of each image: sequences that are unfinished at a time. */
  beams: number;
  /** Tokens of a sequence that others follow, at most. */
  capacity: number;
}

/** What decoding goes on from: encoded images and the tokens that all captions begin with. */
export interface DecoderStart {
  /** [B, …], from `encode` */
  imageStates: Tensor;
  /** int32 [B, F] */
  firstIds: Tensor;
}

/** One more token of each row. The rows of an image stand side by side: R = B·beams. */
export interface NextTokens {
  /** int32 [B, beams] */
  tokens: Tensor;
  /** The row that each row continues, int32 [R]. */
  parents: Tensor;
  /** The tokens' place in their sequences, int32 [1]. */
  position: Tensor;
  /**
   * 1 for the tokens that a row consists of, among those at the places of all rows of its image.
   * [B, 1, beams, beams·capacity]
   */
  visible: Tensor;
}

/** What a decoding step comes to. */
export interface Decoded {
  /** Of each token of the vocabulary as the next one of each row. [N, V] */
  scores: Tensor;
  /** What later steps need to know: each tensor has a row for each image. */
  memory: NamedTensors;
}

/**
 * A model that captions, of any kind. Encoding and decoding are pure functions of its parameters
 * and of tensors: they can be computed eagerly, or recorded.
 */
export interface Captioner extends Trainable {
  /** Its longest sequence, first token included; Infinity where nothing limits it. */
  readonly maxPositions: number;
  /** The token in front of every caption, and the one that ends it. */
  readonly firstId: number;
  readonly endId: number;
  /**
   * The shape of one image's states if they are the same in every step: nothing before them is
   * trained or drawn. Null otherwise.
   */
  readonly constantStates: readonly [positions: number, channels: number] | null;
  /** What the decoder sees of images. [B, H, W, 3] → [B, …] */
  encode(parameters: NamedTensors, pixelValues: Tensor4D): Tensor;
  /** Scores after the first tokens. N = B */
  begin(parameters: NamedTensors, start: DecoderStart, size: DecoderSize): Decoded;
  /** Scores after one more token of each row. N = R; memory that stays may be left out. */
  advance(parameters: NamedTensors, next: NextTokens, memory: NamedTensors): Decoded;
}
