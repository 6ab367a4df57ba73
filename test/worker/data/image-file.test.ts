import { mkdir, readFile, writeFile } from "node:fs/promises";
import path from "node:path";
import sharp from "sharp";
import { describe, expect, it } from "vitest";
import { decodeImage } from "../../../worker/data/image-file.ts";
import { GREY, GREY_ALPHA, png, RGB } from "./png.ts";
import { temporaryFolder } from "./temporary-folder.ts";

const SVG = '<svg xmlns="http://www.w3.org/2000/svg" width="4" height="4"/>';

const jpeg = () =>
  sharp({ create: { width: 80, height: 60, channels: 3, background: "teal" } })
    .jpeg()
    .toBuffer();

/** The marker of a baseline frame's header, which holds height and width. */
const START_OF_FRAME = Buffer.from([0xff, 0xc0]);
const SMALL = { raw: { width: 60, height: 40, channels: 3 } } as const;
const stripes = Buffer.from(Array.from({ length: 60 * 40 * 3 }, (_, at) => (at * 89) % 251));

describe("a file that is no usable picture is refused with its name and problem", () => {
  const check = (title: string, write: (file: string) => Promise<unknown>, problem: RegExp) =>
    it(title, async () => {
      const file = path.join(await temporaryFolder(), "picture.jpg");
      await write(file);
      const failure: unknown = await decodeImage(file).catch((error: unknown) => error);
      expect(failure).toMatchObject({ name: "Failure", reason: "image-invalid" });
      expect(String(failure)).toContain(`${file}: `);
      expect(String(failure)).toMatch(problem);
      expect(String(failure)).not.toContain("\n");
    });

  check("missing", async () => {}, /does not exist/);
  check("a folder", (file) => mkdir(file), /not a regular file/);
  check("zero bytes", (file) => writeFile(file, ""), /empty/);
  check("text", (file) => writeFile(file, "not a picture at all"), /unsupported image format/);
  check("a drawing in SVG", (file) => writeFile(file, SVG), /svg is not a supported/);
  check(
    "cut off in the middle",
    async (file) => {
      const whole = await jpeg();
      await writeFile(file, whole.subarray(0, Math.floor(whole.length * 0.7)));
    },
    /premature end|truncated|EOF/i,
  );
  it.each(["png", "webp", "gif", "tiff"] as const)("a %s cut off in the middle", async (format) => {
    const file = path.join(await temporaryFolder(), `picture.${format}`);
    const whole = await sharp(stripes, SMALL).toFormat(format).toBuffer();
    await writeFile(file, whole.subarray(0, Math.floor(whole.length * 0.6)));
    const failure: unknown = await decodeImage(file).catch((error: unknown) => error);
    expect(failure).toMatchObject({ name: "Failure", reason: "image-invalid" });
    expect(String(failure)).toMatch(/^[^\n]*picture\.[a-z]+: .+$/);
  });

  check("HTML", (file) => writeFile(file, "<!DOCTYPE html><html></html>"), /unsupported image/);
  check("zero bytes only", (file) => writeFile(file, Buffer.alloc(4096)), /unsupported image/);
  check(
    "a format of other programs",
    async (file) => writeFile(file, await sharp(stripes, SMALL).avif().toBuffer()),
    /heif is not a supported image format/,
  );
  check(
    "a JPEG that says it has 30,000 x 30,000 pixels",
    async (file) => {
      const picture = await jpeg();
      const frame = picture.indexOf(START_OF_FRAME);
      picture.writeUInt16BE(30_000, frame + 5);
      picture.writeUInt16BE(30_000, frame + 7);
      await writeFile(file, picture);
    },
    /30000 x 30000 pixels, more than 178956970$/,
  );
  check(
    "30,000 x 30,000 pixels, before they are decoded",
    (file) =>
      writeFile(
        file,
        png({ width: 30_000, height: 30_000, depth: 8, colourType: GREY, rows: [[0]] }),
      ),
    /30000 x 30000 pixels/,
  );
});

describe("16-bit pictures", () => {
  const grey = [0x00, 0x07, 0x01, 0x00, 0xab, 0xcd];

  it("clip at 255 where there is grey only, as Pillow reads them", async () => {
    const file = path.join(await temporaryFolder(), "grey.png");
    await writeFile(file, png({ width: 3, height: 1, depth: 16, colourType: GREY, rows: [grey] }));
    const { data } = await decodeImage(file);
    expect([...data]).toEqual([7, 7, 7, 255, 255, 255, 255, 255, 255]);
  });

  it("lose their low byte where there is colour", async () => {
    const file = path.join(await temporaryFolder(), "colour.png");
    const row = [0x12, 0x34, 0xab, 0xcd, 0xff, 0xff];
    await writeFile(file, png({ width: 1, height: 1, depth: 16, colourType: RGB, rows: [row] }));
    expect([...(await decodeImage(file)).data]).toEqual([0x12, 0xab, 0xff]);
  });

  it("lose their low byte where there is alpha, as Pillow reads them", async () => {
    const file = path.join(await temporaryFolder(), "grey-alpha.png");
    const row = [0x12, 0x34, 0xff, 0xff, 0xab, 0xcd, 0x00, 0x00];
    const picture = {
      width: 2,
      height: 1,
      depth: 16,
      colourType: GREY_ALPHA,
      rows: [row],
    } as const;
    await writeFile(file, png(picture));
    const { data } = await decodeImage(file);
    expect([...data]).toEqual([0x12, 0x12, 0x12, 0xab, 0xab, 0xab]);
  });
});

it("of an animation the first picture is taken", async () => {
  const file = path.join(await temporaryFolder(), "moving.gif");
  const frames = Buffer.from([200, 0, 0, 0, 200, 0]);
  const raw = { width: 1, height: 2, channels: 3, pageHeight: 1 } as const;
  await sharp(frames, { raw }).gif().toFile(file);
  expect(await sharp(await readFile(file)).metadata()).toMatchObject({ pages: 2 });
  expect(await decodeImage(file)).toMatchObject({ width: 1, height: 1 });
  expect([...(await decodeImage(file)).data]).toEqual([200, 0, 0]);
});

it("a picture is turned as EXIF says only where that is asked for", async () => {
  const file = path.join(await temporaryFolder(), "turned.png");
  const picture = sharp(Buffer.of(200, 0, 0, 0, 200, 0), {
    raw: { width: 2, height: 1, channels: 3 },
  });
  await picture.withMetadata({ orientation: 6 }).png().toFile(file);
  expect(await decodeImage(file)).toMatchObject({ width: 2, height: 1 });
  const turned = await decodeImage(file, { applyExif: true });
  expect(turned).toMatchObject({ width: 1, height: 2 });
  expect([...turned.data]).toEqual([200, 0, 0, 0, 200, 0]);
});
