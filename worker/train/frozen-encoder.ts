import type { FeaturePrecision } from "../contract/feature-files.ts";
import { storedValues } from "../features/feature-row.ts";
import type { Captioner } from "../model/captioner.ts";
import { encodingStep } from "../model/image-encoding.ts";
import type { RunnableStep, StepRunner } from "../tensor/step-runner.ts";
import type { AttemptClock } from "./attempt-control.ts";
import { disposeInput, type ImageSource } from "./image-source.ts";

export interface FrozenEncoderOptions {
  captioner: Pick<Captioner, "encode">;
  runner: StepRunner;
  precision: FeaturePrecision;
  clock: AttemptClock;
}

/**
 * Encodes images one at a time, so that the bits of an image's states depend on no other image, and
 * rounds them as the encoder cache does, whether they come from there or not.
 */
export class FrozenEncoder {
  readonly #options: FrozenEncoderOptions;
  readonly #step: RunnableStep;
  #seconds = Infinity;

  constructor(options: FrozenEncoderOptions) {
    this.#options = options;
    this.#step = encodingStep(options.captioner, options.runner);
  }

  /** The fastest that an image was encoded so far: the first time, a graph is made. */
  get seconds(): number {
    return this.#seconds;
  }

  /** The states of one image of a source, [positions × channels] in row-major order. */
  async encode(source: Pick<ImageSource, "input">, index: number): Promise<Float32Array> {
    const { precision, clock } = this.#options;
    const input = await source.input([index]);
    const began = clock.monotonicSeconds();
    const { imageStates } = this.#step({ ...input });
    const values = await imageStates!.data<"float32">();
    this.#seconds = Math.min(this.#seconds, clock.monotonicSeconds() - began);
    imageStates!.dispose();
    disposeInput(input);
    return storedValues(values, precision);
  }
}
