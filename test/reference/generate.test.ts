import * as tf from "@tensorflow/tfjs-core";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { z } from "zod";
import { loadCaptioner } from "../../worker/model/blip-captioner.ts";
import type { BlipCaptioner } from "../../worker/model/blip-captioner.ts";
import { describeEachWay } from "../rig/engines.ts";
import { withSearcher } from "../rig/searcher.ts";
import { fixturePath } from "./fixtures.ts";
import { fixtureJson, fixtureTensors, toPixelValues } from "./model-fixtures.ts";

/** Of a mean over the new tokens, as it is with a length penalty of 1. */
const BEAM_SCORE = 1e-5;

/** An argument that is not known here fails the test instead of being ignored. */
const Arguments = z.strictObject({
  num_beams: z.number(),
  max_length: z.number().optional(),
  max_new_tokens: z.number().optional(),
  min_length: z.number().default(0),
  repetition_penalty: z.number().default(1),
  no_repeat_ngram_size: z.number().default(0),
  length_penalty: z.number().default(1),
  early_stopping: z.boolean().default(false),
  num_return_sequences: z.number().default(1),
});
const { notes, runs } = fixtureJson(
  "tiny-blip-generate/generate.json",
  z.object({
    notes: z.object({
      prompt_ids_given_to_decoder: z.array(z.number()),
      stops_at: z.number(),
      defaults: z.object({ max_length: z.number() }),
    }),
    runs: z.array(
      z.object({
        model: z.string(),
        prompt: z.string().nullable(),
        kwargs: Arguments,
        ids: z.array(z.array(z.number())),
        sequences_scores: z.array(z.number()).optional(),
      }),
    ),
  }),
);
type Run = (typeof runs)[number];

function promptOf(run: Run): number[] {
  return run.prompt === null ? [] : notes.prompt_ids_given_to_decoder.slice(1);
}

function settingsOf({ kwargs, ...run }: Run) {
  const newTokens =
    kwargs.max_new_tokens ?? (kwargs.max_length === undefined ? notes.defaults.max_length : null);
  return {
    numBeams: kwargs.num_beams,
    maxLength:
      newTokens === null ? kwargs.max_length! : 1 + promptOf({ kwargs, ...run }).length + newTokens,
    minLength: kwargs.min_length,
    repetitionPenalty: kwargs.repetition_penalty,
    noRepeatNgramSize: kwargs.no_repeat_ngram_size,
    lengthPenalty: kwargs.length_penalty,
    earlyStopping: kwargs.early_stopping,
    // The reference searched a batch at once.
    together: true,
  };
}

/** Without what pads the shorter rows: [PAD], or [SEP] once more after a beam search. */
function unpadded(ids: number[]): number[] {
  const end = ids.indexOf(notes.stops_at);
  return end === -1 ? ids : ids.slice(0, end + 1);
}

const titled = runs.map((run) => ({
  title: `${run.prompt === null ? "without" : "with"} prompt ${JSON.stringify(run.kwargs)}`,
  run,
}));

describeEachWay("generate()", (load) => {
  let pixelValues: tf.Tensor4D;
  beforeAll(async () => {
    await load();
    const { pixel_values } = await fixtureTensors("tiny-blip-generate/inputs.safetensors");
    pixelValues = toPixelValues(pixel_values!);
  });
  afterAll(() => pixelValues.dispose());

  describe.each([...new Set(runs.map(({ model }) => model))])("of %s", (model) => {
    let captioner: BlipCaptioner;
    beforeAll(async () => {
      const directory = fixturePath(model);
      captioner = await loadCaptioner({
        directory,
        init: "pretrained",
        seed: 0,
        method: "untuned",
      });
    });
    afterAll(() => captioner.dispose());

    it.each(titled.filter(({ run }) => run.model === model))("$title", async ({ run }) => {
      const found = await withSearcher(captioner, (searcher) =>
        searcher.search({ pixelValues }, promptOf(run), settingsOf(run)),
      );
      const best = found.flatMap((captions) => captions.slice(0, run.kwargs.num_return_sequences));
      expect(best.map(({ ids }) => ids)).toEqual(run.ids.map(unpadded));
      for (const [index, score] of (run.sequences_scores ?? []).entries()) {
        const newTokens = best[index]!.ids.length - 1 - promptOf(run).length;
        const tolerance = BEAM_SCORE * Math.max(1, newTokens ** (1 - run.kwargs.length_penalty));
        expect(Math.abs(best[index]!.score! - score)).toBeLessThanOrEqual(tolerance);
      }
    });

    it("gives each image the same caption alone as in a batch", async () => {
      const options = { numBeams: 3, maxNewTokens: 12 };
      await withSearcher(captioner, async (searcher) => {
        const together = await searcher.generate({ pixelValues }, options);
        const alone: number[][] = [];
        for (let index = 0; index < pixelValues.shape[0]; index += 1) {
          const image = tf.slice(pixelValues, index, 1);
          alone.push(...(await searcher.generate({ pixelValues: image }, options)));
          image.dispose();
        }
        expect(alone).toEqual(together);
      });
    });

    it("leaves no tensors behind", async () => {
      const before = tf.memory().numTensors;
      const options = { numBeams: 3, maxNewTokens: 8 };
      await withSearcher(captioner, (searcher) => searcher.generate({ pixelValues }, options));
      expect(tf.memory().numTensors).toBe(before);
    });
  });
});
