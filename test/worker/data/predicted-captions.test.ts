import { writeFile } from "node:fs/promises";
import path from "node:path";
import { describe, expect, it, test } from "vitest";
import { readPredictedCaptions } from "../../../worker/data/predicted-captions.ts";
import { temporaryFolder } from "./temporary-folder.ts";

const DROP = { precanned: "drop", rejected: "drop" } as const;
const image = (id: number) => ({ id, file_name: `${id}.jpg` });
const caption = (image_id: number, text: unknown = "a dog") => ({ image_id, caption: text });
const REFERENCES = { images: [image(1), image(2)], annotations: [caption(1), caption(2, "a cat")] };
const PREDICTIONS = [caption(1), caption(2)];

/** Reads files of the given content; a text is written as it is. */
async function readWritten({
  references = REFERENCES,
  predictions = PREDICTIONS,
}: {
  references?: unknown;
  predictions?: unknown;
}) {
  const folder = await temporaryFolder();
  const write = async (name: string, content: unknown) => {
    const file = path.join(folder, name);
    const text = typeof content === "string" ? content : JSON.stringify(content);
    await writeFile(file, text);
    return file;
  };
  return readPredictedCaptions({
    references: await write("references.json", references),
    predictions: await write("predictions.json", predictions),
    ...DROP,
  });
}

test("captions come as written, blank ones too, and what the files hold besides is ignored", async () => {
  const references = {
    info: { year: 2020 },
    images: [image(9), { id: 4 }, image(6)],
    annotations: [
      { id: 0, ...caption(4, " A dog.\n") },
      { id: 1, ...caption(9, ""), is_rejected: false },
      { id: 2, ...caption(4, "a cat"), text_detected: true },
    ],
  };
  const predictions = [{ ...caption(4, "  "), score: 1 }, caption(6, "x"), caption(9, "A Pup!")];
  expect(await readWritten({ references, predictions })).toEqual({
    images: [
      { imageId: 9, prediction: "A Pup!", references: [""] },
      { imageId: 4, prediction: "  ", references: [" A dog.\n", "a cat"] },
    ],
    withoutReferences: 1,
  });
});

describe("files that cannot be right are refused with the file, the count and the first ids", () => {
  const check = (
    title: string,
    files: { references?: unknown; predictions?: unknown },
    problem: RegExp,
  ) =>
    it(title, async () => {
      const failure = expect(readWritten(files)).rejects;
      await failure.toMatchObject({ name: "Failure", reason: "data-invalid" });
      await failure.toThrow(problem);
    });
  const many = Array.from({ length: 8 }, (_, index) => index + 10);

  check(
    "images without prediction",
    { predictions: [caption(2)] },
    /predictions\.json: image without prediction \(1 in all\): 1$/,
  );
  check(
    "many images without prediction, of which five are named",
    {
      references: {
        images: [1, 2, ...many].map(image),
        annotations: many.map((id) => caption(id)),
      },
    },
    /predictions\.json: image without prediction \(8 in all\): 10, 11, 12, 13, 14, …$/,
  );
  check(
    "predictions for unknown images, of which five are named",
    { predictions: [...PREDICTIONS, ...many.map((id) => caption(id))] },
    /predictions\.json: image not in the references \(8 in all\): 10, 11, 12, 13, 14, …$/,
  );
  check(
    "two and three predictions for an image",
    { predictions: [...PREDICTIONS, caption(2), caption(1), caption(2)] },
    /predictions\.json: image with more than one prediction \(2 in all\): 2, 1$/,
  );
  check(
    "a prediction that is no text",
    { predictions: [caption(1), caption(2, 7)] },
    /predictions\.json: 1\.caption: .*string/,
  );
  check("an id that is text", { predictions: [{ image_id: "1", caption: "" }] }, /0\.image_id/);
  check(
    "predictions that are no list",
    { predictions: { 1: "a dog" } },
    /predictions\.json: .*arr/,
  );
  check("predictions that are no JSON", { predictions: "[{" }, /predictions\.json: not JSON/);
  check(
    "a text of several lines and control characters, in one line",
    { predictions: "a dog\n\u001B[31ma cat" },
    /^\S*predictions\.json: not JSON: [^\p{Cc}]*$/u,
  );
  check(
    "a caption longer than any",
    { predictions: [caption(1), caption(2, "dog ".repeat(50_000))] },
    /predictions\.json: 1\.caption: .*131072/,
  );
  check(
    "no predictions at all",
    { predictions: [] },
    /image without prediction \(2 in all\): 1, 2/,
  );
  check(
    "references without captions, as of a test split",
    { references: { images: [image(1)] } },
    /references\.json: annotations: /,
  );
  check(
    "an image listed twice",
    { references: { ...REFERENCES, images: [image(1), image(2), image(1)] } },
    /references\.json: image listed more than once \(1 in all\): 1$/,
  );
  check(
    "a caption of an image that is not listed",
    { references: { ...REFERENCES, images: [image(2)] } },
    /references\.json: captioned image not listed in images \(1 in all\): 1$/,
  );
  check(
    "references that are all dropped",
    {
      references: {
        images: [image(1), image(2)],
        annotations: [{ ...caption(1), is_precanned: true }],
      },
    },
    /references\.json: no image has captions/,
  );
});

test("a file that is not there is named", async () => {
  const folder = await temporaryFolder();
  const references = path.join(folder, "absent.json");
  const run = readPredictedCaptions({ references, predictions: references, ...DROP });
  await expect(run).rejects.toMatchObject({
    reason: "data-missing",
    message: expect.stringContaining("absent.json"),
  });
});
