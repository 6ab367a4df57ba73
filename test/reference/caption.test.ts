import path from "node:path";
import sharp from "sharp";
import { beforeAll, describe, expect, it } from "vitest";
import { z } from "zod";
import { registerCaptionCommand } from "../../worker/commands/caption.ts";
import type { FoundCaption } from "../../worker/model/caption-search.ts";
import { loadCaptioner } from "../../worker/model/blip-captioner.ts";
import { readSafetensors } from "../../worker/tensor/safetensors.ts";
import { withSearcher } from "../rig/searcher.ts";
import { runCommand } from "../worker/commands/run-command.ts";
import { temporaryFolder } from "../worker/data/temporary-folder.ts";
import { fixturePath } from "./fixtures.ts";
import { fixtureJson, fixtureTensors, toPixelValues } from "./model-fixtures.ts";

/** The arguments that the command takes; runs with others are left to the decoder's own tests. */
const Arguments = z.strictObject({
  num_beams: z.number().default(1),
  max_new_tokens: z.number().optional(),
  min_length: z.number().default(0),
  repetition_penalty: z.number().default(1),
});
/** Of `caption`, and of the reference. */
const DEFAULT_NEW_TOKENS = 20;
const { notes, runs } = fixtureJson(
  "tiny-blip-generate/generate.json",
  z.object({
    notes: z.object({ stops_at: z.number(), prompt_ids_given_to_decoder: z.array(z.number()) }),
    runs: z.array(
      z.object({
        model: z.string(),
        prompt: z.string().nullable(),
        kwargs: z.record(z.string(), z.unknown()),
        ids: z.array(z.array(z.number())),
        text: z.array(z.string()),
      }),
    ),
  }),
);
const taken = runs.flatMap(({ kwargs, ...run }) => {
  const { data } = Arguments.safeParse(kwargs);
  if (data === undefined) return [];
  const options = Object.entries(data).map(([name, value]) => [
    `--${name.replaceAll("_", "-")}`,
    String(value),
  ]);
  const prompt = run.prompt === null ? [] : ["--prompt", run.prompt];
  return [{ ...run, settings: data, words: [...options.flat(), ...prompt] }];
});

describe("`caption` on pictures of the reference's pixels", () => {
  let pictures: Buffer[];
  beforeAll(async () => {
    pictures = await picturesOf("tiny-blip-generate/inputs.safetensors");
  });

  /**
   * The pictures whose search went on in the reference for others of the batch, as `caption` lets
   * none do: there a better caption may have been found.
   */
  async function prolonged({ model, prompt, settings }: (typeof taken)[number]) {
    if (settings.num_beams === 1) return [];
    const captioner = await loadCaptioner({
      directory: fixturePath(model),
      init: "pretrained",
      seed: 0,
      method: "untuned",
    });
    const { pixel_values } = await fixtureTensors("tiny-blip-generate/inputs.safetensors");
    const images = { pixelValues: toPixelValues(pixel_values!) };
    const first = prompt === null ? [] : notes.prompt_ids_given_to_decoder.slice(1);
    const maxLength = 1 + first.length + (settings.max_new_tokens ?? DEFAULT_NEW_TOKENS);
    const { num_beams: numBeams, min_length: minLength, repetition_penalty } = settings;
    const request = { maxLength, numBeams, minLength, repetitionPenalty: repetition_penalty };
    const { apart, together } = await withSearcher(captioner, async (searcher) => ({
      apart: await searcher.search(images, first, request),
      together: await searcher.search(images, first, { ...request, together: true }),
    }));
    captioner.dispose();
    const bestOf = (captions: FoundCaption[] | undefined) => captions?.[0]?.ids.join();
    return apart.map((captions, index) => bestOf(captions) !== bestOf(together[index]));
  }

  it.each(taken)("gives its ids and captions: $model $words", async (run) => {
    const { model, words } = run;
    const folder = await temporaryFolder();
    const files = await Promise.all(
      pictures.map(async (picture, index) => {
        const file = path.join(folder, `${index}.png`);
        await sharp(picture).toFile(file);
        return file;
      }),
    );
    const options = ["--model", fixturePath(model), ...words];
    const { value } = await runCommand(registerCaptionCommand, ["caption", ...files, ...options]);
    const others = await prolonged(run);
    expect(value).toEqual(
      files.map((image, index) =>
        others[index]
          ? expect.objectContaining({ image })
          : { image, ids: unpadded(run.ids[index]!), caption: run.text[index] },
      ),
    );
  });
});

function unpadded(ids: number[]): number[] {
  const end = ids.indexOf(notes.stops_at);
  return end === -1 ? ids : ids.slice(0, end + 1);
}

/** Pictures, in the model's size, that its preprocessor turns into these values. */
async function picturesOf(name: string): Promise<Buffer[]> {
  const { tensors } = await readSafetensors(fixturePath(name));
  const { shape, read } = tensors.get("pixel_values")!;
  const { data } = await read();
  const [images, channels, height, width] = shape;
  const { image_mean, image_std } = fixtureJson(
    "images/images.json",
    z.object({ image_mean: z.array(z.number()), image_std: z.array(z.number()) }),
  );
  const area = height! * width!;
  return Promise.all(
    Array.from({ length: images! }, (_, image) => {
      const levels = new Uint8Array(area * channels!);
      for (const at of levels.keys()) {
        const channel = at % channels!;
        const value = data[(image * channels! + channel) * area + Math.floor(at / channels!)]!;
        const level = (value * image_std[channel]! + image_mean[channel]!) * 255;
        expect(Math.abs(level - Math.round(level))).toBeLessThan(0.01);
        levels[at] = Math.round(level);
      }
      return sharp(levels, { raw: { width: width!, height: height!, channels: 3 } })
        .png()
        .toBuffer();
    }),
  );
}
