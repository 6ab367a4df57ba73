import path from "node:path";
import { expect, test } from "vitest";
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

test("`qsweep engine install --help` is answered by the worker's command line", async () => {
  const { status, stdout } = await qsweep("engine", "install", "--help");
  expect(status).toBe(0);
  expect(stdout).toContain("--from");
});
