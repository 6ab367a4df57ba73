import { existsSync } from "node:fs";
import path from "node:path";

/** The folder of qsweep itself: the same for the sources and for what is built in dist/. */
export function packageRoot(): string {
  let folder = import.meta.dirname;
  while (!existsSync(path.join(folder, "package.json"))) {
    const parent = path.dirname(folder);
    if (parent === folder) throw new Error("qsweep's own package.json is missing");
    folder = parent;
  }
  return folder;
}
