import type { Scalar, Tensor, Tensor2D, Tensor4D } from "@tensorflow/tfjs-core";
import type { NamedTensors } from "../tensor/named-tensors.ts";
import type { DropoutSeed } from "./dropout.ts";

/** B images as they are, or as the model's encoder has them. The names are those of feeds. */
export type ImageInput =
  /** float32 [B, H, W, 3], normalised as the model's preprocessor says */
  | { pixelValues: Tensor4D }
  /** float32 [B, …], what the model's encoder makes of them */
  | { imageStates: Tensor };

/** Captions as the models take them. B images, S tokens. */
export interface CaptionTokens {
  /** int32 [B, S], [CLS] first, [PAD] at the end. */
  inputIds: Tensor2D;
  /** int32 [B, S], 1 for tokens and 0 for padding. */
  attentionMask: Tensor2D;
  /** int32 [B, S]; -100 takes no part in the loss. */
  labels: Tensor2D;
}

/** One batch to train on. */
export type CaptionBatch = CaptionTokens & ImageInput;

/**
 * What a trial trains. The loss is a pure function of the parameters, so that one piece of code
 * runs eagerly on every engine, can be differentiated, and can be recorded.
 */
export interface Trainable {
  /** The parameters the optimiser updates, by name. Owned by the trainable until replaced. */
  readonly parameters: NamedTensors;
  /**
   * Mean loss of a batch under `parameters` (names as in `this.parameters`).
   * `dropoutSeed` null switches dropout off; equal seeds draw equal masks.
   */
  loss(parameters: NamedTensors, batch: CaptionBatch, dropoutSeed: DropoutSeed | null): Scalar;
  /**
   * Takes new values for all parameters and disposes the old ones. It may have none for a while,
   * when they are in a graph's session: then it saves nothing.
   */
  replaceParameters(next: NamedTensors): void;
  /** Writes the model's (or adapter's) files into an existing directory; returns their names. */
  save(directory: string): Promise<string[]>;
  dispose(): void;
}
