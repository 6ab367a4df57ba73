import path from "node:path";
import sharp from "sharp";
import { beforeAll, describe, expect, it } from "vitest";
import { z } from "zod";
import { registerCaptionCommand } from "../../worker/commands/caption.ts";
import { readSafetensors } from "../../worker/tensor/safetensors.ts";
import { runCommand } from "../worker/commands/run-command.ts";
import { temporaryFolder } from "../worker/data/temporary-folder.ts";
import { fixturePath } from "./fixtures.ts";
import { fixtureJson } from "./model-fixtures.ts";

/** The arguments that the command takes; runs with others are left to the decoder's own tests. */
const Arguments = z.strictObject({
  num_beams: z.number().default(1),
  max_new_tokens: z.number().optional(),
  min_length: z.number().optional(),
  repetition_penalty: z.number().optional(),
});
const { notes, runs } = fixtureJson(
  "tiny-blip-generate/generate.json",
  z.object({
    notes: z.object({ stops_at: z.number() }),
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
  return [{ ...run, words: [...options.flat(), ...prompt] }];
});

describe("`caption` on pictures of the reference's pixels", () => {
  let pictures: Buffer[];
  beforeAll(async () => {
    pictures = await picturesOf("tiny-blip-generate/inputs.safetensors");
  });

  it.each(taken)("gives its ids and captions: $model $words", async ({ model, words, ...run }) => {
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
    expect(value).toEqual(
      files.map((image, index) => ({
        image,
        ids: unpadded(run.ids[index]!),
        caption: run.text[index],
      })),
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
  const { shape, data } = tensors.get("pixel_values")!;
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
