import { execFileSync } from "node:child_process";
import path from "node:path";
import { expect, test } from "vitest";
import { REFERENCE, selfCheck } from "../../../worker/engine/self-check.ts";
import { loadEngine } from "../../../worker/tensor/backend.ts";

test("the reference numbers are those of a computation without a tensor library", () => {
  const script = path.join(import.meta.dirname, "self_check_reference.py");
  const computed: Record<string, number> = JSON.parse(
    execFileSync("python3", [script], { encoding: "utf8" }),
  );
  for (const [name, value] of Object.entries(REFERENCE)) {
    expect(computed[name], name).toBeCloseTo(value, 9);
  }
});

test("the installed engine passes the self-check", async () => {
  const info = await loadEngine();
  expect(info.engine).toBe("native");
  selfCheck();
});

test("the cpu engine passes the self-check", async () => {
  await loadEngine({ engine: "cpu" });
  selfCheck();
});
