import { existsSync } from "node:fs";
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

/** Where a file or folder of the set is, by its path in the set. */
export function fixturePath(name: string): string {
  return path.join(fixturesDirectory(), name);
}

/** Captions that people wrote may be read where they lie, but not be kept in this repository. */
export function findRealCaptions(): string | null {
  const places = [fixturePath("metrics/real.json"), "../shared/fixtures/metrics/real.json"];
  return places.find((file) => existsSync(file)) ?? null;
}
