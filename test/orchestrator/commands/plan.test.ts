import { afterEach, beforeEach, expect, test } from "vitest";
import { SweepFolder } from "../sweep/sweep-folder.ts";
import { runWords } from "./run-words.ts";

let folder: SweepFolder;
beforeEach(() => {
  folder = new SweepFolder();
});
afterEach(() => {
  folder[Symbol.dispose]();
});

test("under --json the plan has exactly the documented keys", async () => {
  const { exitCode, stdout } = await runWords("plan", folder.sweep, "--json");
  const id = expect.stringMatching(/^t[0-9a-f]{12}$/) as unknown;
  expect(exitCode).toBe(0);
  expect(JSON.parse(stdout)).toEqual({
    sweep: "tiny",
    trials: [
      { id, arm: "full", seed: 0, params: { lr: 1e-5 } },
      { id, arm: "full", seed: 0, params: { lr: 5e-5 } },
    ],
    excluded: 0,
    pools: [
      {
        pool: "p1",
        request: { walltime: "12:00:00", gpus: 1, slots: 4 },
        pilots: 2,
        slices: 1,
        script: null,
      },
    ],
    features: [],
  });
});

test("it says what each frozen encoder keeps, in bytes, and what the site allows", async () => {
  folder.write("data/annotations/train.json", '{"images": [{"id": 1}, {"id": 2}]}');
  folder.write("data/annotations/val.json", '{"images": [{"id": 3}]}');
  folder.write(
    "sites/local.yaml",
    "scheduler: local\nroot: ../state\nfeatures: {limit: 5MB}\nlease: 3s\n",
  );
  const model = `${folder.root}/models/tiny`;
  const sets = [
    `arms.half={model: ${model}, method: lora, lr: {grid: [1, 2]}}`,
    `arms.float={model: ${model}, method: lora, encoder_cache: float}`,
    `arms.off={model: ${model}, method: lora, encoder_cache: off}`,
    `arms.tuned={model: ${model}, method: lora, lora: {target_modules: [qkv]}}`,
  ].flatMap((set) => ["--set", set]);
  const { stdout } = await runWords("plan", folder.sweep, ...sets, "--json");
  // 384 / 16 patches a side and a class token, 768 channels; a page of 4096 bytes in front.
  const shape = [577, 768];
  const common = { model, seed: null, images: 3, shape };
  expect(JSON.parse(stdout)).toMatchObject({
    features: [
      { ...common, precision: "half", bytes: 4096 + 3 * 577 * 768 * 2 },
      { ...common, precision: "float", bytes: 4096 + 3 * 577 * 768 * 4 },
    ],
  });
  const { stdout: text } = await runWords("plan", folder.sweep, ...sets);
  expect(text).toContain("encoder cache: 3 images × 577 × 768 as half, 2.7 MB\n");
  expect(text).toContain("more than the 5.0 MB that the site allows");
});

test("for people it is a table of what varies, in hand-out order, with totals", async () => {
  const arm = `{model: ${folder.root}/models/tiny, method: lora, lora: {r: {grid: [4]}}}`;
  const sets = [`arms.lora=${arm}`, "baselines=[constant]"].flatMap((set) => ["--set", set]);
  const { stdout } = await runWords("plan", folder.sweep, ...sets);
  expect(stdout.replaceAll(/t[0-9a-f]{12}/g, "<id>         ")).toBe(`\
id             arm       lr    lora.r  seed
<id>           constant  -     -       0
<id>           full      1e-5  -       0
<id>           lora      -     4       0
<id>           full      5e-5  -       0

4 trials in 2 arms, 1 of them a baseline on site local
2 pilots with walltime 12:00:00, gpus 1, slots 4
encoder cache: 0 images × 577 × 768 as half, 0.0 kB
`);
});

test("it says the same twice", async () => {
  expect(await runWords("plan", folder.sweep)).toEqual(await runWords("plan", folder.sweep));
});
