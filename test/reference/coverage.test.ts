import { readdirSync, readFileSync } from "node:fs";
import path from "node:path";
import { expect, test } from "vitest";
import { fixturesDirectory } from "./fixtures.ts";

/** Files of one model folder: read as a whole by whoever names the folder. */
const OF_A_MODEL = /^tiny-blip(?:-trained)?\/|^tiny-blip-lora\/adapter_/;
/** What distinguishes files of one kind, which tests put together: a step, a variant of labels. */
const VARIANT = /(?:_pads_\w+|\d+)?(?:\.\w+)$/;

const directory = fixturesDirectory();
const files = readdirSync(directory, { recursive: true, withFileTypes: true })
  .filter((entry) => entry.isFile())
  .map((entry) => path.relative(directory, path.join(entry.parentPath, entry.name)))
  .filter((file) => file !== "README.md");

const sources = readdirSync(import.meta.dirname)
  .filter((name) => name.endsWith(".ts") && name !== path.basename(import.meta.filename))
  .map((name) => readFileSync(path.join(import.meta.dirname, name), "utf8"));

/** Decoding's runs name the models that they are of, and every run is tested. */
const runs = readFileSync(path.join(directory, "tiny-blip-generate", "generate.json"), "utf8");

/** What some test must mention, all of it, to be one that reads this file. */
function mentions(file: string): string[] {
  const folder = path.dirname(file).split(path.sep)[0] ?? "";
  if (OF_A_MODEL.test(file)) return [runs.includes(`"${folder}"`) ? "generate.json" : folder];
  // The pictures are those that the list beside them names.
  if (folder === "images" && path.extname(file) !== ".json") return ["images.json"];
  const stem = path.basename(file).replace(VARIANT, "");
  return folder === "." ? [path.basename(file)] : [folder, stem];
}

test("there are reference numbers", () => {
  expect(files.length).toBeGreaterThan(20);
});

test.each(files)("%s is read by some test", (file) => {
  const wanted = mentions(file);
  const isRead = sources.some((source) => wanted.every((word) => source.includes(word)));
  expect(isRead, `no test mentions ${wanted.join(" and ")}`).toBe(true);
});

test("the list of pictures names every picture", () => {
  const list = readFileSync(path.join(directory, "images", "images.json"), "utf8");
  const pictures = files.filter((file) => /^images.*\.(?!json|safetensors)\w+$/.test(file));
  expect(pictures.filter((file) => !list.includes(`"${path.basename(file)}"`))).toEqual([]);
});
