import { readFileSync, writeFileSync } from "node:fs";
import { afterEach, beforeEach, expect, it } from "vitest";
import { runCommandLine } from "../../../orchestrator/command-line.ts";
import { registerPredictCommand } from "../../../orchestrator/commands/predict.ts";
import { TrialSpec } from "../../../worker/contract/trial-spec.ts";
import { trialPaths } from "../../../worker/files/trial-directory.ts";
import { LaunchedSweep } from "../../rig/launched-sweep.ts";

let sweep: LaunchedSweep;
beforeEach(() => {
  sweep = new LaunchedSweep();
});
afterEach(() => {
  sweep.dispose();
  process.exitCode = undefined;
});

/** What `qsweep predict WORDS` has the worker run, and what it says itself. */
async function predict(words: string[], { isHere = true } = {}) {
  const ran: string[][] = [];
  let stdout = "";
  await runCommandLine({
    words: ["predict", ...words, "--json"],
    stdout: { write: (text) => (stdout += text) },
    stderr: { write: () => {} },
    environment: {},
    register: (program) =>
      registerPredictCommand(program, {
        openSweep: sweep.open,
        worker: {
          run: async (commandLine) => {
            ran.push(commandLine);
            return 0;
          },
        },
        isHere: () => isHere,
      }),
  });
  return { ran, stdout };
}

function addFinished(method: "full" | "lora") {
  const worse = sweep.add({ id: "t000000000001", method, params: { lr: 1 } });
  const best = sweep.add({ id: "t000000000002", method, params: { lr: 2 } });
  sweep.finish(worse, 1, 0.5);
  sweep.finish(best, 1, 0.75);
  const { spec: file } = trialPaths(sweep.directory(best));
  const spec = TrialSpec.parse(JSON.parse(readFileSync(file, "utf8")));
  const paths = { ...spec.paths, model: "/models/large" };
  writeFileSync(file, JSON.stringify({ ...spec, paths }));
  return `${sweep.directory(best)}/attempts/1/checkpoints/best-step-20`;
}

const DECODE = ["--num-beams=1", "--max-new-tokens=8"];

it("a sweep stands for its best checkpoint, its data set and its way to decode", async () => {
  const checkpoint = addFinished("full");
  const { ran } = await predict(["scenes", "--out", "a.json", "--num-beams", "5"]);
  const given = ["--out", "a.json", "--num-beams", "5", "--json"];
  const model = [`--model=${checkpoint}`, "--dataset=/data"];
  expect(ran).toEqual([["predict", ...model, ...DECODE, ...given]]);
});

it("the best checkpoint of a LoRA arm is the adapter of its model", async () => {
  const adapter = addFinished("lora");
  const { ran } = await predict(["scenes"]);
  expect(ran[0]!.slice(1, 3)).toEqual(["--model=/models/large", `--adapter=${adapter}`]);
});

it("explicit paths and questions for help go to the worker as they are", async () => {
  addFinished("full");
  const words = ["--model", "m", "--dataset", "d", "--out", "a.json"];
  expect((await predict(words)).ran).toEqual([["predict", ...words, "--json"]]);
  expect((await predict(["scenes", "--help"])).ran).toEqual([["predict", "--help", "--json"]]);
});

it.each([
  ["a sweep and a model", ["scenes", "--model=m"], true, "usage", /a sweep or --model, not both/],
  ["a checkpoint on another machine", ["scenes"], false, "data-missing", /not on this machine/],
])("%s is refused", async (_, words, isHere, reason, problem) => {
  addFinished("full");
  const { ran, stdout } = await predict(words, { isHere });
  expect(ran).toEqual([]);
  expect(JSON.parse(stdout)).toMatchObject({
    error: { reason, message: expect.stringMatching(problem) },
  });
});

it("a sweep without a finished trial has nothing to caption with", async () => {
  sweep.add({ id: "t000000000001" });
  const { ran, stdout } = await predict(["scenes"]);
  expect(ran).toEqual([]);
  expect(JSON.parse(stdout)).toMatchObject({ error: { reason: "no-result" } });
});
