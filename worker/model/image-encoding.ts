import * as tf from "@tensorflow/tfjs-core";
import type { Tensor, Tensor4D } from "@tensorflow/tfjs-core";
import type { RunnableStep, StepRunner } from "../tensor/step-runner.ts";
import type { Captioner } from "./captioner.ts";

/** A captioner's encoder, ready to be called: from `pixelValues` to `imageStates`. */
export function encodingStep(
  captioner: Pick<Captioner, "encode">,
  runner: StepRunner,
): RunnableStep {
  return runner.prepare((parameters, { pixelValues }) => {
    if (!isPixels(pixelValues)) throw new Error("no images to encode");
    const parts = tf.split<Tensor4D>(pixelValues, runner.partsFor(pixelValues.shape[0]));
    return { imageStates: tf.concat(parts.map((part) => captioner.encode(parameters, part))) };
  });
}

function isPixels(tensor: Tensor | undefined): tensor is Tensor4D {
  return tensor?.rank === 4;
}
