import { existsSync, mkdirSync, readdirSync, readFileSync } from "node:fs";
import path from "node:path";
import { z } from "zod";
import { writeFileDurably } from "../../worker/files/durable-write.ts";
import { stateDirectory } from "../../worker/files/user-directories.ts";

const Registration = z.strictObject({
  version: z.literal(2),
  /** The site's file, absolute: what it says of the site may change later. */
  site_file: z.string(),
});
type Registration = z.infer<typeof Registration>;

/**
 * Remembers where a sweep was launched, so that its name is enough later. The last launch counts.
 */
export function rememberSweep(name: string, { file }: { file: string }): void {
  mkdirSync(registry(), { recursive: true });
  const registration: Registration = { version: 2, site_file: file };
  writeFileDurably(fileOf(name), `${JSON.stringify(registration)}\n`);
}

/** The file of the site where the sweep of this name was launched last, or null. */
export function registeredSite(name: string): string | null {
  if (!registeredSweeps().includes(name)) return null;
  return Registration.parse(JSON.parse(readFileSync(fileOf(name), "utf8"))).site_file;
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
