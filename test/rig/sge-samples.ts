import { readdirSync, readFileSync } from "node:fs";
import path from "node:path";
import type { CommandResult } from "../../orchestrator/ports/remote-host.ts";

const FOLDER = path.resolve("test/fixtures/sge-samples");

/** Names of all outputs that were captured from a real Grid Engine 8.1.9. */
export const SGE_SAMPLES: readonly string[] = readdirSync(FOLDER).toSorted();

/** A sample as it is kept. */
export function sampleText(name: string): string {
  return readFileSync(path.join(FOLDER, name), "utf8");
}

/** The outcome that a sample shows: `$ command`, stdout, `--- stderr`, `--- exit N`. */
export function sampleResult(name: string): CommandResult {
  const text = sampleText(name);
  const status = Number(/^--- exit (\d+)$/m.exec(text)?.[1] ?? 0);
  const printed = text.replace(/^\$ .*\n/, "").replace(/^--- exit \d+\n?/m, "");
  const [stdout = "", stderr = ""] = printed.split(/^--- stderr\n/m);
  return { status, stdout, stderr };
}
