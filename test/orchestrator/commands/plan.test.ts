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
  });
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
`);
});

test("it says the same twice", async () => {
  expect(await runWords("plan", folder.sweep)).toEqual(await runWords("plan", folder.sweep));
});
