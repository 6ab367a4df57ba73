import { existsSync, mkdirSync, readdirSync, readFileSync } from "node:fs";
import path from "node:path";
import { z } from "zod";
import { writeFileDurably } from "../../worker/files/durable-write.ts";
import { stateDirectory } from "../../worker/files/user-directories.ts";

const Registration = z.strictObject({
  version: z.literal(1),
  site: z.string(),
  /** The site's root, absolute. */
  root: z.string(),
});
type Registration = z.infer<typeof Registration>;

/**
 * Remembers where a sweep was launched, so that its name is enough later. The last launch counts.
 */
export function rememberSweep(name: string, place: { site: string; root: string }): void {
  mkdirSync(registry(), { recursive: true });
  const { site, root } = place;
  const registration: Registration = { version: 1, site, root };
  writeFileDurably(fileOf(name), `${JSON.stringify(registration)}\n`);
}

/** Where the sweep of this name was launched last, or null. */
export function registeredSweep(name: string): { site: string; root: string } | null {
  if (!registeredSweeps().includes(name)) return null;
  return Registration.parse(JSON.parse(readFileSync(fileOf(name), "utf8")));
}

/** Names of the sweeps this user launched, in order. */
export function registeredSweeps(): string[] {
  if (!existsSync(registry())) return [];
  return readdirSync(registry())
    .filter((file) => file.endsWith(".json"))
    .map((file) => path.basename(file, ".json"))
    .toSorted();
}

function registry(): string {
  return path.join(stateDirectory(), "sweeps");
}

function fileOf(name: string): string {
  return path.join(registry(), `${name}.json`);
}
