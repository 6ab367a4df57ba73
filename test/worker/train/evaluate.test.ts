import path from "node:path";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { readSplit } from "../../../worker/data/caption-dataset.ts";
import { CaptionTokenizer } from "../../../worker/data/caption-tokenizer.ts";
import { ImageStore } from "../../../worker/data/image-store.ts";
import { readPreprocessor } from "../../../worker/data/image-transform.ts";
import { loadEngine } from "../../../worker/tensor/backend.ts";
import { evaluate, type Evaluation, referenceScorer } from "../../../worker/train/evaluate.ts";
import { pixelSource } from "../../../worker/train/image-source.ts";
import { makeTinySetting, type TinySetting } from "./tiny-trial.ts";

let setting: TinySetting;
let tokenizer: CaptionTokenizer;

beforeAll(async () => {
  await loadEngine({ engine: "cpu" });
  setting = await makeTinySetting();
  tokenizer = await CaptionTokenizer.load(setting.model);
});

afterAll(async () => {
  await setting.dispose();
});

/** Evaluates a captioner that gives the images, in order, these captions. */
async function evaluated(
  captions: (references: readonly string[]) => string,
  onProgress: (done: number, images: number) => Promise<void> = () => Promise.resolve(),
): Promise<Evaluation> {
  const options = { root: setting.dataset, precanned: "drop", rejected: "drop" } as const;
  const { images } = await readSplit({ ...options, split: "val" });
  const preprocessor = await readPreprocessor(path.resolve(setting.model));
  const store = await ImageStore.open({
    images,
    preprocessor,
    maxBadImages: 0,
    onBadImage: () => {},
  });
  let next = 0;
  return evaluate({
    searcher: {
      generate: (input) => {
        const [count] = Object.values(input)[0]!.shape;
        const batch = images.slice(next, next + count);
        next += count;
        return Promise.resolve(
          batch.map((image) => tokenizer.encode(captions(image.captions), 30)),
        );
      },
    },
    source: pixelSource(store, preprocessor),
    tokenizer,
    decode: { num_beams: 1, max_new_tokens: 20 },
    scorer: referenceScorer(images),
    onProgress,
  });
}

describe("evaluate", () => {
  it("gives every image its own caption, beyond one batch too", async () => {
    const { predictions } = await evaluated(([first]) => first!);
    expect(predictions).toHaveLength(20);
    expect(predictions[0]).toEqual({ image_id: 0, caption: "a picture of a red bar on white" });
    expect(predictions[19]).toEqual({ image_id: 19, caption: "a picture of a green bar on white" });
  });

  it("scores captions of the right colour above one colour for all", async () => {
    const right = await evaluated(([first]) => first!);
    const red = await evaluated(() => "a picture of a red bar on white");
    expect(right.cider).toBeGreaterThan(red.cider);
    expect(red.cider).toBeGreaterThan(0);
  });

  it("tells its progress before each batch and at the end, and ends with what that throws", async () => {
    const told: number[] = [];
    await evaluated(
      () => "a bar",
      async (done) => {
        told.push(done);
      },
    );
    expect(told).toEqual([0, 16, 20]);
    const stop = new Error("stop");
    const stopping = evaluated(
      () => "a bar",
      (done) => (done > 0 ? Promise.reject(stop) : Promise.resolve()),
    );
    await expect(stopping).rejects.toBe(stop);
  });
});
