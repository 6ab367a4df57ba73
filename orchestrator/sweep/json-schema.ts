import { z } from "zod";
import { SweepFile } from "./sweep-schema.ts";

/** The text of configs/sweep.schema.json: what a person may write, defaults left out or not. */
export function sweepJsonSchema(): string {
  const schema = z.toJSONSchema(SweepFile, { io: "input", reused: "ref" });
  return `${JSON.stringify({ title: "qsweep sweep", ...schema }, null, 2)}\n`;
}
