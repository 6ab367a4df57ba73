import { readdirSync } from "node:fs";
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

test("a sweep that is right is counted", async () => {
  expect(await runWords("check", folder.sweep)).toEqual({
    exitCode: 0,
    stdout: "ok: 2 trials in 1 arm\n",
    stderr: "",
  });
});

test("baselines and excluded trials are counted too", async () => {
  const sets = ["baselines=[constant]", "exclude=[{lr: 1e-5}]"].flatMap((set) => ["--set", set]);
  const { stdout } = await runWords("check", folder.sweep, ...sets);
  expect(stdout).toBe("ok: 2 trials in 1 arm, 1 of them a baseline, 1 excluded\n");
});

test("a sweep that is wrong exits 1, shows the place and creates nothing", async () => {
  const before = readdirSync(folder.root, { recursive: true });
  const result = await runWords("check", folder.sweep, "--set", "pilots=0");
  expect(result).toEqual({
    exitCode: 1,
    stdout: "",
    stderr: `--set pilots=0: must be greater than 0, got 0
  pilots=0
         ^

1 problem. Correct the sweep file; nothing was created.
`,
  });
  expect(readdirSync(folder.root, { recursive: true })).toEqual(before);
});

test("under --json the answer is one value", async () => {
  const { stdout } = await runWords("check", folder.sweep, "--json");
  expect(stdout).toBe('{"sweep":"tiny","trials":2,"arms":1,"excluded":0}\n');
});

test("under --json a failure is one value as well, and nothing else is said", async () => {
  const { exitCode, stdout, stderr } = await runWords("check", "none.yaml", "--json");
  expect({ exitCode, stderr, value: JSON.parse(stdout) as unknown }).toEqual({
    exitCode: 1,
    stderr: "",
    value: {
      error: {
        reason: "sweep-unknown",
        message: "cannot read the file none.yaml",
        remedy: "Give the path of a sweep file, such as configs/sweeps/demo.yaml.",
        places: [],
      },
    },
  });
});
