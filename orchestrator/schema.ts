// Writes configs/sweep.schema.json, which editors check sweep files with. Run it after a build:
//   node dist/orchestrator/schema.js
import { writeFile } from "node:fs/promises";
import { sweepJsonSchema } from "./sweep/json-schema.ts";

await writeFile(new URL("../../configs/sweep.schema.json", import.meta.url), sweepJsonSchema());
