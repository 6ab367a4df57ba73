import type { Recipe } from "../contract/trial-spec.ts";
import { CaptionTokenizer } from "../data/caption-tokenizer.ts";
import { readPreprocessor } from "../data/image-transform.ts";
import { CaptionSearcher } from "../model/caption-searcher.ts";
import { openCaptioner } from "../model/open-captioner.ts";
import { type AttemptContext, type Conclusion, trialResult } from "./attempt-context.ts";
import { AttemptStopped, eventLoopTurn } from "./attempt-control.ts";
import { evaluate, referenceScorer } from "./evaluate.ts";
import { openRunner } from "../tensor/open-runner.ts";
import {
  checkedModelDirectory,
  imageCounts,
  openImages,
  validationImages,
} from "./trial-inputs.ts";

/** Validates the model as given: what tuning has to improve on. Has nothing to checkpoint. */
export async function untunedBaseline(
  context: AttemptContext,
  recipe: Extract<Recipe, { method: "untuned" }>,
): Promise<Conclusion> {
  const { control, engine, log } = context;
  const directory = await checkedModelDirectory(context.spec, recipe.model);
  const tokenizer = await CaptionTokenizer.load(directory);
  const validated = await validationImages(context);
  const source = await openImages(context, validated, await readPreprocessor(directory));
  const { init } = recipe.model;
  const captioner = await openCaptioner({ directory, init, seed: recipe.seed, method: "untuned" });
  const images = imageCounts(recipe, { validation: source.images.length });
  log.write({ type: "started", engine, epochs: 0, steps: 0, images, resumed_from: null, step: 0 });
  const runner = openRunner(captioner);
  try {
    const searcher = new CaptionSearcher(captioner, runner);
    const evaluation = await evaluate({
      searcher,
      source,
      tokenizer,
      decode: recipe.decode,
      scorer: referenceScorer(source.images),
      onProgress: async (done, all) => {
        await eventLoopTurn();
        const why = control.requested();
        if (why !== null) throw new AttemptStopped(why);
        log.write({ type: "validating", epoch: 0, step: 0, done, images: all });
      },
    });
    const metrics = { cider: evaluation.cider };
    const count = evaluation.predictions.length;
    log.write({ type: "validated", epoch: 0, step: 0, loss: null, metrics, images: count });
    const result = trialResult(context, {
      metrics,
      best: { epoch: 0, step: 0, checkpoint: null },
      epochs: [{ epoch: 0, step: 0, loss: null, metrics }],
      steps: 0,
      images,
      bad_images: validated.length - count,
    });
    return { result, predictions: JSON.stringify(evaluation.predictions) };
  } finally {
    runner.dispose();
    captioner.dispose();
  }
}
