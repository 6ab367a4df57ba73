import { writeFile } from "node:fs/promises";
import path from "node:path";
import { describe, expect, it } from "vitest";
import { normalise, readPreprocessor } from "../../../worker/data/image-transform.ts";
import { temporaryFolder } from "./temporary-folder.ts";

async function written(config: object): Promise<string> {
  const folder = await temporaryFolder();
  await writeFile(path.join(folder, "preprocessor_config.json"), JSON.stringify(config));
  return folder;
}

describe("a preprocessor", () => {
  it("has BLIP's size and colours where the file says nothing", async () => {
    const preprocessor = await readPreprocessor(await written({}));
    expect(preprocessor).toMatchObject({ height: 384, width: 384 });
    // (1 - 0.48145466) / 0.26862954, the brightest red under CLIP's mean and deviation.
    expect(preprocessor.values[0]![255]).toBeCloseTo(1.9303361, 6);
  });

  it("takes one number as the side of a square", async () => {
    const preprocessor = await readPreprocessor(await written({ size: 96 }));
    expect(preprocessor).toMatchObject({ height: 96, width: 96 });
  });

  const refused = (title: string, config: object, message: RegExp) =>
    it(`is refused with ${title}`, async () => {
      const failure = expect(readPreprocessor(await written(config))).rejects;
      await failure.toMatchObject({ reason: "model-invalid", message });
    });
  refused("another filter", { resample: 2 }, /resample: only 3/);
  refused("no rescaling", { do_rescale: false }, /do_rescale/);
  refused("a huge size", { size: { height: 1e9, width: 1 } }, /size/);
  refused("two means", { image_mean: [0.5, 0.5] }, /image_mean/);

  it("is missing from an empty folder", async () => {
    const failure = expect(readPreprocessor(await temporaryFolder())).rejects;
    await failure.toMatchObject({ reason: "model-missing" });
  });
});

describe("normalising", () => {
  it("lays images one after the other, each channel by its own mean and deviation", async () => {
    const preprocessor = await readPreprocessor(
      await written({
        size: { height: 1, width: 2 },
        rescale_factor: 1,
        image_mean: [0, 10, 100],
        image_std: [1, 2, 4],
      }),
    );
    const images = [Uint8Array.of(1, 2, 4, 8, 16, 32), Uint8Array.of(0, 10, 100, 5, 20, 200)];
    const first = [1, -4, -24, 8, 3, -17];
    const second = [0, 0, 0, 5, 5, 25];
    expect([...normalise(images, preprocessor)]).toEqual([...first, ...second]);
  });

  it("refuses pixels of another size", async () => {
    const preprocessor = await readPreprocessor(await written({ size: 4 }));
    expect(() => normalise([new Uint8Array(3)], preprocessor)).toThrow(/3 bytes, not 48/);
  });
});
