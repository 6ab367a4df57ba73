import { cp, readFile, writeFile } from "node:fs/promises";
import path from "node:path";
import { describe, expect, it } from "vitest";
import { registerCaptionCommand } from "../../../worker/commands/caption.ts";
import { temporaryFolder } from "../data/temporary-folder.ts";
import { referenceFolder, testSplit } from "./captioned-set.ts";
import { runCommand } from "./run-command.ts";

const MODEL = referenceFolder("tiny-blip");
const ADAPTER = referenceFolder("tiny-blip-lora/adapter_after_step5");
const PICTURE = referenceFolder("images/rgb.jpg");

const caption = (...words: string[]) => runCommand(registerCaptionCommand, ["caption", ...words]);

it("people get a line an image, in the order of the command line", async () => {
  const { files } = await testSplit();
  const { value, lines } = await caption(...files, "--model", MODEL);
  const captions = value as { image: string; caption: string }[];
  expect(captions.map(({ image }) => image)).toEqual(files);
  const rows = captions.map((one) => `${one.image.padEnd(files[0]!.length)}  ${one.caption}`);
  expect(lines.slice(1)).toEqual(rows);
});

it("an adapter changes what the model says", async () => {
  const plain = await caption(PICTURE, "--model", MODEL);
  const adapted = await caption(PICTURE, "--model", MODEL, "--adapter", ADAPTER);
  expect(adapted.value).not.toEqual(plain.value);
});

it("people are told the engine", async () => {
  expect((await caption(PICTURE, "--model", MODEL)).progress[0]).toMatch(/^engine: /);
});

it("many beams caption fewer images at a time, and say the same of each", async () => {
  const { files } = await testSplit();
  const words = ["--model", MODEL, "--num-beams", "24", "--max-new-tokens", "4"];
  const { value } = await caption(...files, ...words);
  const alone = await Promise.all(files.map((file) => caption(file, ...words)));
  expect(value).toEqual(alone.flatMap((one) => one.value));
});

describe("what cannot be captioned with is refused in one line", () => {
  const check = (title: string, words: () => Promise<string[]> | string[], problem: RegExp) =>
    it(title, async () => {
      const failure: unknown = await caption(...(await words())).catch((error: unknown) => error);
      expect(failure).toMatchObject({ name: "Failure", remedy: expect.stringMatching(/^.+$/) });
      expect(String(failure)).toMatch(problem);
      expect(String(failure)).not.toContain("\n");
    });

  check("a folder without a model", () => [PICTURE, "--model", ADAPTER + "/.."], /config\.json/);
  check("an adapter alone", () => [PICTURE, "--model", ADAPTER], /holds an adapter, not a whole/);
  check("a model as adapter", () => [PICTURE, "--model", MODEL, "--adapter", MODEL], /no adapter/);
  check("no image", () => ["absent.jpg", "--model", MODEL], /absent\.jpg: the file does not exist/);
  check(
    "four bad images among good ones, of which three are named",
    async () => {
      const folder = await temporaryFolder();
      const bad = Array.from("abcd", (name) => path.join(folder, `${name}.jpg`));
      for (const file of bad) await writeFile(file, "no picture");
      return [PICTURE, ...bad, "--model", MODEL];
    },
    /a\.jpg: .*b\.jpg: .*c\.jpg: .*; and 1 more$/,
  );
  check(
    "a prompt that leaves no room",
    () => [PICTURE, "--model", MODEL, "--prompt", "red ".repeat(64)],
    /--prompt has \d+ tokens; the model takes 64 in all/,
  );
  check(
    "an adapter for a model of another size",
    async () => {
      const folder = await temporaryFolder();
      await cp(ADAPTER, folder, { recursive: true });
      const file = path.join(folder, "adapter_config.json");
      const config: unknown = JSON.parse(await readFile(file, "utf8"));
      await writeFile(file, JSON.stringify({ ...(config as object), r: 2 }));
      return [PICTURE, "--model", MODEL, "--adapter", folder];
    },
    /lora_A\.weight is \[4,32\] instead of \[2,32\]/,
  );
  check(
    "an adapter for a model of other layers",
    async () => {
      const folder = await temporaryFolder();
      await cp(ADAPTER, folder, { recursive: true });
      const file = path.join(folder, "adapter_config.json");
      const config: unknown = JSON.parse(await readFile(file, "utf8"));
      await writeFile(file, JSON.stringify({ ...(config as object), target_modules: ["key"] }));
      return [PICTURE, "--model", MODEL, "--adapter", folder];
    },
    /missing \(base_model\.model\..*key\.lora_A\.weight.*unexpected \(.*query\.lora_A/,
  );
});

describe("options that are no such value are misuse", () => {
  it.each([
    ["--num-beams", "0", /integer from 1 to 64/],
    ["--num-beams", "65", /integer from 1 to 64/],
    ["--max-new-tokens", "2.5", /integer from 1/],
    ["--min-length", "-1", /integer from 0/],
    ["--repetition-penalty", "0", /number above 0/],
    ["--repetition-penalty", "", /number above 0/],
  ])("%s %s", async (option, word, problem) => {
    await expect(caption(PICTURE, "--model", MODEL, option, word)).rejects.toThrow(problem);
  });
});
