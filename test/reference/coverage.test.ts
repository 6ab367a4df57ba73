import { existsSync, readdirSync, readFileSync } from "node:fs";
import path from "node:path";
import { expect, test } from "vitest";
import { z } from "zod";
import { fixturePath, fixturesDirectory } from "./fixtures.ts";
import { fixtureJson } from "./model-fixtures.ts";

const directory = fixturesDirectory();
const files = readdirSync(directory, { recursive: true, withFileTypes: true })
  .filter((entry) => entry.isFile())
  .map((entry) => path.relative(directory, path.join(entry.parentPath, entry.name)))
  .filter((file) => file !== "README.md");

/** What stands between quotes in the other files here. */
const quoted = readdirSync(import.meta.dirname)
  .filter((name) => name.endsWith(".ts") && name !== path.basename(import.meta.filename))
  .flatMap((name) => {
    const source = readFileSync(path.join(import.meta.dirname, name), "utf8");
    return [...source.matchAll(/"([^"\n]+)"|`([^`\n]+)`/g)].map(([, one, other]) => one ?? other!);
  });

/** Decoding's runs name the models that they are of, and every run is tested. */
const { runs } = fixtureJson(
  "tiny-blip-generate/generate.json",
  z.object({ runs: z.array(z.object({ model: z.string() })) }),
);
/** Every picture of the list is tested. */
const pictures = fixtureJson(
  "images/images.json",
  z.object({ files: z.record(z.string(), z.unknown()) }),
);
const named = [
  ...quoted,
  ...runs.map(({ model }) => model),
  ...Object.keys(pictures.files).map((picture) => `images/${picture}`),
];

/** A path in quotes, with anything but a folder in place of what is filled in. */
function patternOf(text: string): RegExp {
  const parts = text.split(/\$\{[^}]*\}/).map((part) => part.replaceAll(/[^\w/-]/g, "\\$&"));
  return new RegExp(`^${parts.join("[^/]*")}$`);
}

/** Without its extension a name is none of a file. */
const filePatterns = named.filter((text) => /\.\w+$/.test(text)).map(patternOf);
const folderPatterns = named.map(patternOf);

function isNamed(file: string): boolean {
  const folder = path.dirname(file);
  const isFolderNamed = named.some((text) => text === folder || text.startsWith(`${folder}/`));
  if (filePatterns.some((pattern) => pattern.test(file))) return isFolderNamed || folder === ".";
  // A model is read as a whole by whoever names its folder.
  const isModel = ["config.json", "adapter_config.json"].some((name) =>
    existsSync(fixturePath(path.join(folder, name))),
  );
  return isModel && folderPatterns.some((pattern) => pattern.test(folder));
}

test("there are reference numbers", () => {
  expect(files.length).toBeGreaterThan(20);
});

test.each(files)("%s is read by some test", (file) => {
  expect(isNamed(file)).toBe(true);
});

test.each([
  "images/other.png",
  "metrics/a.json",
  "other/finetune.json",
  "other.json",
  "tiny-blip-finetune/batches.json",
  "tiny-blip-forward/states.safetensors",
  "tiny-blip-lora/other.safetensors",
  "tiny-blip-other/model.safetensors",
])("a file %s would be missed", (file) => {
  expect(isNamed(file)).toBe(false);
});
