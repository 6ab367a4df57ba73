import { readFileSync } from "node:fs";
import path from "node:path";
import { packageRoot } from "../../worker/files/package-root.ts";
import type { GridArray } from "../ports/scheduler.ts";

/** The text of `jobs/` that does the work of a task, for `gridScript`. */
export function taskBody(program: GridArray["program"]): string {
  return ["task", program]
    .map((name) => readFileSync(path.join(packageRoot(), "jobs", `${name}.sh`), "utf8"))
    .map((text) => text.replace(/^#!.*\n/, ""))
    .join("\n");
}
