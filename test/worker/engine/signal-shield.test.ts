import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import path from "node:path";
import { expect, onTestFinished, test } from "vitest";
import { trainerEnvironment } from "../../../worker/engine/engine-state.ts";
import { runTool, type ToolOutcome } from "../../../worker/wheels/tool.ts";

const SIGNALS = 20_000;

/**
 * Multiplies matrices of ones in the main thread, by shapes whose products in oneDNN have their
 * stack pointer on the heap, while another process sends SIGUSR1 as fast as it can.
 */
const PROGRAM = `
import { createRequire } from "node:module";
import { spawn } from "node:child_process";
import { loadEngine } from ${JSON.stringify(path.resolve("dist/worker/tensor/backend.js"))};
const tf = createRequire(${JSON.stringify(path.resolve("package.json"))})("@tensorflow/tfjs-core");

await loadEngine();
let received = 0;
process.on("SIGUSR1", () => (received += 1));
const endless = 'grep SigBlk /proc/self/status; while kill -USR1 "$0"; do :; done';
const sender = spawn("sh", ["-c", endless, String(process.pid)]);
const inherited = new Promise((resolve) => sender.stdout.once("data", resolve));
const a = tf.ones([64, 4096]);
const b = tf.ones([4096, 64]);
let wrong = 0;
while (received < ${SIGNALS}) {
  for (let product = 0; product < 20; product += 1) {
    const values = tf.tidy(() => tf.matMul(a, b)).dataSync();
    wrong += values.filter((value) => value !== 4096).length;
  }
  await new Promise((resolve) => setImmediate(resolve));
}
sender.kill();
console.log(JSON.stringify({ wrong, inherited: String(await inherited) }));
`;

function run(options: string[] = []): Promise<ToolOutcome> {
  return runTool({
    argv: [process.execPath, ...options, "--input-type=module", "-e", PROGRAM],
    env: { ...process.env, ...trainerEnvironment() },
  });
}

test("signals that arrive during products of matrices do no harm, and reach their handlers", async () => {
  const { status, stdout } = await run();
  expect(status).toBe(0);
  expect(JSON.parse(stdout)).toEqual({ wrong: 0, inherited: "SigBlk:\t0000000000000000\n" });
});

test("V8's profiler does no harm to products of matrices", async () => {
  const folder = mkdtempSync(path.join(tmpdir(), "signal-shield-"));
  onTestFinished(() => rmSync(folder, { recursive: true }));
  const { status, stdout } = await run(["--cpu-prof", `--cpu-prof-dir=${folder}`]);
  expect(status).toBe(0);
  expect(JSON.parse(stdout)).toMatchObject({ wrong: 0 });
});
