import type { Recipe } from "../contract/trial-spec.ts";
import { bestConstantCaption } from "../metrics/constant-caption.ts";
import { type AttemptContext, type Conclusion, trialResult } from "./attempt-context.ts";
import { imageCounts, splitImages, TRAINING_SPLIT, validationImages } from "./trial-inputs.ts";

/**
 * Scores the training caption that does best when it is given to every image: what a captioner that
 * ignores its pictures can reach. Looks at no image file.
 */
export async function constantBaseline(
  context: AttemptContext,
  recipe: Extract<Recipe, { method: "constant" }>,
): Promise<Conclusion> {
  const { engine, log } = context;
  const training = await splitImages(context, TRAINING_SPLIT);
  const validated = await validationImages(context);
  const images = imageCounts(recipe, { training: training.length, validation: validated.length });
  log.write({ type: "started", engine, epochs: 0, steps: 0, images, resumed_from: null, step: 0 });
  const { caption, cider } = bestConstantCaption({
    candidates: training.flatMap(({ captions }) => captions),
    references: validated.map(({ captions }) => captions),
  });
  const metrics = { cider };
  const count = validated.length;
  log.write({ type: "validated", epoch: 0, step: 0, loss: null, metrics, images: count });
  const result = trialResult(context, {
    metrics,
    best: { epoch: 0, step: 0, checkpoint: null },
    caption,
    epochs: [{ epoch: 0, step: 0, loss: null, metrics }],
    steps: 0,
    images,
    bad_images: 0,
  });
  const predictions = validated.map(({ id }) => ({ image_id: id, caption }));
  return { result, predictions: JSON.stringify(predictions) };
}
