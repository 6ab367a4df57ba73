import { readFileSync, readdirSync } from "node:fs";
import { describe, expect, test } from "vitest";
import { sweepJsonSchema } from "../../../orchestrator/sweep/json-schema.ts";
import { PARAMETERS } from "../../../orchestrator/sweep/parameters.ts";
import { diagnose } from "./diagnose.ts";

const CONFIGS = new URL("../../../configs/", import.meta.url);

// If this fails, the definitions have changed: `npm run build && node dist/orchestrator/schema.js`.
test("configs/sweep.schema.json is what the definitions say", () => {
  expect(readFileSync(new URL("sweep.schema.json", CONFIGS), "utf8")).toBe(sweepJsonSchema());
});

test("every parameter's fallback satisfies its own schema", () => {
  for (const { schema, fallback } of Object.values(PARAMETERS)) {
    expect(schema.parse(fallback)).toEqual(fallback);
  }
});

describe("the sweeps that come with qsweep are right", () => {
  for (const file of readdirSync(new URL("sweeps/", CONFIGS))) {
    test(file, () => {
      const text = readFileSync(new URL(`sweeps/${file}`, CONFIGS), "utf8");
      const sets = file === "photos.yaml" ? ["dataset.root=photos"] : [];
      expect(diagnose(text, sets)).toBe("");
    });
  }
});
