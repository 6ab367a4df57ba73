import { mkdir, readdir, readFile, writeFile } from "node:fs/promises";
import path from "node:path";
import { beforeEach, describe, expect, it } from "vitest";
import { checkTarget, writeSubmission } from "../../../worker/data/submission-file.ts";
import { temporaryFolder } from "./temporary-folder.ts";

const caption = (image_id: number, text = "a dog") => ({ image_id, caption: text });
const CAPTIONS = [caption(3), caption(8, 'a "cat" — été'), caption(5, "")];

let root: string;
let file: string;
beforeEach(async () => {
  root = await temporaryFolder();
  file = path.join(root, "out", "submission.json");
  await mkdir(path.dirname(file));
  await mkdir(path.join(root, "annotations"));
  const images = [8, 3, 5].map((id) => ({ id, file_name: `${id}.jpg` }));
  await writeFile(path.join(root, "annotations", "test.json"), JSON.stringify({ images }));
});

const submit = (captions = CAPTIONS, replace = false) =>
  writeSubmission(captions, { root, split: "test" }, { file, replace });

it("a submission holds the captions as given, and nothing else of them", async () => {
  await submit(CAPTIONS.map((one) => ({ ...one, score: 1 })));
  expect(JSON.parse(await readFile(file, "utf8"))).toEqual(CAPTIONS);
  expect(await readdir(path.dirname(file))).toEqual(["submission.json"]);
});

describe("captions that are not one for each image of the split's file leave no file", () => {
  const check = (title: string, captions: typeof CAPTIONS, problem: RegExp) =>
    it(title, async () => {
      const refused = expect(submit(captions)).rejects;
      await refused.toMatchObject({ name: "Failure", reason: "data-invalid" });
      await refused.toThrow(problem);
      expect(await readdir(path.dirname(file))).toEqual([]);
    });

  check("one missing", CAPTIONS.slice(1), /test\.json: image without a caption \(1 in all\): 3$/);
  check("none", [], /image without a caption \(3 in all\): 3, 5, 8$/);
  check("one twice", [...CAPTIONS, caption(5)], /image captioned more than once \(1 in all\): 5$/);
  check(
    "one unknown",
    [...CAPTIONS, caption(7)],
    /captioned image not in the file \(1 in all\): 7$/,
  );
});

describe("a file that is there already", () => {
  beforeEach(() => writeFile(file, "mine"));

  it("is refused at the beginning, and when it appeared meanwhile", async () => {
    expect(() => checkTarget({ file, replace: false })).toThrow(/submission\.json exists/);
    await expect(submit()).rejects.toMatchObject({ reason: "file-invalid" });
    expect(await readFile(file, "utf8")).toBe("mine");
  });

  it("is replaced only where that was asked for, and only by a right one", async () => {
    checkTarget({ file, replace: true });
    await expect(submit([], true)).rejects.toMatchObject({ reason: "data-invalid" });
    expect(await readFile(file, "utf8")).toBe("mine");
    await submit(CAPTIONS, true);
    expect(JSON.parse(await readFile(file, "utf8"))).toEqual(CAPTIONS);
  });
});

describe("a place that nothing can be written to is refused at the beginning", () => {
  it.each([
    ["a folder", "out", /out is a folder/],
    ["a name in no folder", "absent/submission.json", /its folder does not exist/],
  ])("%s", (_, name, problem) => {
    const target = { file: path.join(root, name), replace: true };
    expect(() => checkTarget(target)).toThrow(problem);
  });
});
