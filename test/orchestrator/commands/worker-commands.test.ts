import { mkdtemp, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import path from "node:path";
import { expect, onTestFinished, test } from "vitest";
import { readEngineState } from "../../../worker/engine/engine-state.ts";
import { runTool } from "../../../worker/wheels/tool.ts";

const QSWEEP = path.resolve("orchestrator/qsweep.mjs");

function qsweep(...words: string[]) {
  return runTool({ argv: [process.execPath, QSWEEP, ...words] });
}

test("`qsweep engine info --json` prints the one value of the worker's command line", async () => {
  const { status, stdout } = await qsweep("engine", "info", "--json");
  expect(status).toBe(0);
  expect(JSON.parse(stdout)).toMatchObject({ engine: readEngineState()?.engine });
});

test("a wrong word after `engine` ends with the worker's message and the status for misuse", async () => {
  const { status, stdout } = await qsweep("engine", "instal", "--json");
  expect(status).toBe(2);
  expect(JSON.parse(stdout)).toMatchObject({
    error: { reason: "usage", message: expect.stringContaining("instal") },
  });
});

test.each([
  ["engine install", "--from"],
  ["score", "--keep"],
  ["caption", "--num-beams"],
  ["demo-set", "--domain"],
])("`qsweep %s --help` is answered by the worker's command line", async (command, option) => {
  const { status, stdout } = await qsweep(...command.split(" "), "--help");
  expect(status).toBe(0);
  expect(stdout).toContain(option);
});

test("`qsweep score --json` prints one value, and refuses what is no prediction", async () => {
  const folder = await mkdtemp(path.join(tmpdir(), "qsweep-score-"));
  onTestFinished(() => rm(folder, { recursive: true, force: true }));
  const write = async (name: string, content: unknown) => {
    await writeFile(path.join(folder, name), JSON.stringify(content));
    return path.join(folder, name);
  };
  const captions = [{ image_id: 1, caption: "a dog" }];
  const references = await write("a.json", { images: [{ id: 1 }], annotations: captions });
  const predictions = await write("b.json", captions);
  const files = (other: string) => ["--references", references, "--predictions", other, "--json"];
  const scored = await qsweep("score", ...files(predictions));
  expect(scored.status).toBe(0);
  expect(JSON.parse(scored.stdout)).toMatchObject({ images: 1, metrics: { rouge_l: 1 } });
  const refused = await qsweep("score", ...files(references));
  expect(refused.status).toBe(1);
  expect(JSON.parse(refused.stdout)).toMatchObject({ error: { reason: "data-invalid" } });
});
