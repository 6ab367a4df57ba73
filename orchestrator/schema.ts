// Writes configs/sweep.schema.json, which editors check sweep files with.
import { writeFile } from "node:fs/promises";
import { sweepJsonSchema } from "./sweep/json-schema.ts";

await writeFile("configs/sweep.schema.json", sweepJsonSchema());
