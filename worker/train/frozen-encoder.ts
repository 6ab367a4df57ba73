import * as tf from "@tensorflow/tfjs-core";
import type { FeaturePrecision } from "../contract/feature-files.ts";
import { storedValues } from "../features/feature-row.ts";
import type { Captioner } from "../model/captioner.ts";
import { encodingStep } from "../model/image-encoding.ts";
import type { ImageInput } from "../model/trainable.ts";
import type { RunnableStep, StepRunner } from "../tensor/step-runner.ts";
import type { AttemptClock } from "./attempt-control.ts";
import { disposeInput, type ImageSource } from "./image-source.ts";

/** An image by its place in a source of pixels. */
export interface SourceImage {
  source: Pick<ImageSource, "input">;
  index: number;
}

export interface FrozenEncoderOptions {
  captioner: Pick<Captioner, "encode">;
  runner: StepRunner;
  precision: FeaturePrecision;
  clock: AttemptClock;
}

const PAIR = 2;

/**
 * Encodes each image by operations of its own, so that the bits of its states depend on no other
 * image, and rounds them as the encoder cache does, whether they come from there or not.
 */
export class FrozenEncoder {
  /** How many images are encoded at a time: no more than are computed each by itself. */
  readonly atOnce: number;
  readonly #options: FrozenEncoderOptions;
  readonly #step: RunnableStep;
  #seconds = Infinity;

  constructor(options: FrozenEncoderOptions) {
    this.#options = options;
    this.atOnce = options.runner.partsFor(PAIR);
    this.#step = encodingStep(options.captioner, options.runner);
  }

  /** Of one image, the fastest that was encoded so far: the first time, a graph is made. */
  get seconds(): number {
    return this.#seconds;
  }

  /** The states of images, at most `atOnce`: each [positions × channels] in row-major order. */
  async encode(images: readonly SourceImage[]): Promise<Float32Array[]> {
    const { precision, clock } = this.#options;
    const inputs = await Promise.all(images.map(({ source, index }) => source.input([index])));
    const began = clock.monotonicSeconds();
    const values = await this.#states(inputs);
    const seconds = (clock.monotonicSeconds() - began) / images.length;
    this.#seconds = Math.min(this.#seconds, seconds);
    for (const input of inputs) disposeInput(input);
    const size = values.length / images.length;
    return images.map((_, row) =>
      storedValues(values.subarray(row * size, (row + 1) * size), precision),
    );
  }

  async #states(inputs: readonly ImageInput[]): Promise<Float32Array> {
    const pixelValues = tf.concat(inputs.flatMap((input) => Object.values(input)));
    const { imageStates } = this.#step({ pixelValues });
    pixelValues.dispose();
    const values = await imageStates!.data<"float32">();
    imageStates!.dispose();
    return values;
  }
}
