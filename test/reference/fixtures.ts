import path from "node:path";
import { fileURLToPath } from "node:url";

/**
 * Folder of the reference numbers: QSWEEP_FIXTURES, or the set in the repository. Another set of
 * the same layout, with other sizes, seeds and texts, may take its place.
 */
export function fixturesDirectory(): string {
  const bundled = fileURLToPath(new URL("../fixtures/reference", import.meta.url));
  return path.resolve(process.env["QSWEEP_FIXTURES"] ?? bundled);
}
