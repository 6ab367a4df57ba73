import { readFile, truncate, writeFile } from "node:fs/promises";
import path from "node:path";
import { describe, expect, it } from "vitest";
import { registerCaptionCommand } from "../../../worker/commands/caption.ts";
import { registerPredictCommand } from "../../../worker/commands/predict.ts";
import { temporaryFolder } from "../data/temporary-folder.ts";
import { referenceFolder, testSplit } from "./captioned-set.ts";
import { runCommand } from "./run-command.ts";

const MODEL = ["--model", referenceFolder("tiny-blip")];

const predict = (root: string, out: string, ...words: string[]) =>
  runCommand(registerPredictCommand, [
    "predict",
    ...MODEL,
    "--dataset",
    root,
    "--out",
    out,
    ...words,
  ]);

const target = async () => path.join(await temporaryFolder(), "submission.json");

it("each image of the split is in the file once, with what `caption` says of it", async () => {
  const { root, ids, files } = await testSplit();
  const out = await target();
  const decode = ["--num-beams", "2", "--max-new-tokens", "5"];
  const { value } = await predict(root, out, ...decode);
  expect(value).toEqual({ file: out, split: "test", images: ids.length });
  const captioned = await runCommand(registerCaptionCommand, [
    "caption",
    ...files,
    ...MODEL,
    ...decode,
  ]);
  const captions = (captioned.value as { caption: string }[]).map(({ caption }) => caption);
  const expected = ids.map((image_id, index) => ({ image_id, caption: captions[index] }));
  expect(JSON.parse(await readFile(out, "utf8"))).toEqual(expected.toReversed());
});

it("images whose captions would all be dropped are captioned, too", async () => {
  const { root, ids } = await testSplit();
  const images = ids.map((id) => ({ id, file_name: `${id}.png` }));
  const annotations = [{ id: 0, image_id: ids[0], caption: "a spoon", is_rejected: true }];
  const file = path.join(root, "annotations", "test.json");
  await writeFile(file, JSON.stringify({ images, annotations }));
  const { value } = await predict(root, await target(), "--max-new-tokens", "1");
  expect(value).toMatchObject({ images: ids.length });
});

describe("nothing is written", () => {
  it("where an image is cut off, which is named", async () => {
    const { root, files } = await testSplit();
    await truncate(files[2]!, 60);
    const out = await target();
    await expect(predict(root, out)).rejects.toMatchObject({
      reason: "image-invalid",
      message: expect.stringContaining(files[2]!),
    });
    await expect(readFile(out)).rejects.toThrow("ENOENT");
  });

  it("over a file that is there, unless forced", async () => {
    const { root, ids } = await testSplit();
    const out = await target();
    await writeFile(out, "mine");
    await expect(predict(root, out)).rejects.toMatchObject({ reason: "file-invalid" });
    expect(await readFile(out, "utf8")).toBe("mine");
    await predict(root, out, "--force", "--max-new-tokens", "1");
    expect(JSON.parse(await readFile(out, "utf8"))).toHaveLength(ids.length);
  });

  it("where a sweep stands after options, as in no command of ours", async () => {
    const { root } = await testSplit();
    const run = predict(root, await target(), "scenes");
    await expect(run).rejects.toMatchObject({
      reason: "usage",
      message: expect.stringContaining('"scenes" stands after'),
    });
  });

  it("for a split that the data set lacks", async () => {
    const { root } = await testSplit();
    await expect(predict(root, await target(), "--split", "val")).rejects.toMatchObject({
      reason: "data-missing",
      message: expect.stringContaining("val.json"),
    });
  });
});
