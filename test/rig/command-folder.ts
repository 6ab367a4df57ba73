import { chmodSync, mkdtempSync, writeFileSync } from "node:fs";
import path from "node:path";

/**
 * A new folder under `parent` to put on PATH, with one shell script a command. `exec` of the real
 * program, by its absolute path, makes a command work as usual.
 */
export function commandFolder(parent: string, scripts: Record<string, string>): string {
  const folder = mkdtempSync(path.join(parent, "commands-"));
  for (const [name, script] of Object.entries(scripts)) {
    const file = path.join(folder, name);
    writeFileSync(file, `#!/bin/sh\n${script}\n`);
    chmodSync(file, 0o755);
  }
  return folder;
}
