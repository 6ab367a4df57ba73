import { existsSync, readFileSync } from "node:fs";
import { z } from "zod";
import { SpecOutline } from "../contract/trial-spec.ts";
import { writeFileDurably } from "./durable-write.ts";
import type { SweepPaths } from "./sweep-directory.ts";
import { readTrialSpec } from "./trial-directory.ts";

/** `outlines.json`: of the trials that were launched, each for ever as its spec. */
const Outlines = z.compile(z.object({ version: z.literal(1), trials: z.array(SpecOutline) }));

/**
 * Outlines of a sweep's trials, in the order of the ids. One file holds them, so that thousands of
 * specs need not be read; what it lacks is read from the specs, which are the truth and never
 * change.
 */
export function readOutlines(paths: SweepPaths, ids: readonly string[]): SpecOutline[] {
  const known = new Map(storedOutlines(paths).map((outline) => [outline.id, outline]));
  return ids.map((id) => known.get(id) ?? outlineOf(paths, id));
}

/** Stores the outlines of these trials, made from their specs. */
export function storeOutlines(paths: SweepPaths, ids: readonly string[]): void {
  const trials = readOutlines(paths, ids);
  writeFileDurably(paths.outlines, `${JSON.stringify({ version: 1, trials })}\n`);
}

function storedOutlines({ outlines }: SweepPaths): SpecOutline[] {
  if (!existsSync(outlines)) return [];
  return Outlines.parse(JSON.parse(readFileSync(outlines, "utf8"))).trials;
}

function outlineOf({ trials }: SweepPaths, id: string): SpecOutline {
  const { arm, seed, params, recipe } = readTrialSpec(`${trials}/${id}`);
  const epochs = "train" in recipe ? recipe.train.epochs : 0;
  return { id, arm, seed, params, method: recipe.method, epochs };
}
