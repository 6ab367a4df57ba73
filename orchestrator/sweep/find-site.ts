import { existsSync } from "node:fs";
import { access, readdir } from "node:fs/promises";
import path from "node:path";
import { diagnostic, DiagnosedFailure } from "./diagnostic.ts";
import { nearestName } from "./nearest-name.ts";
import { readSource } from "./read-source.ts";
import { readSite, type SiteConfig } from "./site-config.ts";
import type { Span } from "./source-text.ts";

/** A site with its root resolved. */
export interface Site extends SiteConfig {
  name: string;
}

export interface SiteQuery {
  name: string;
  /** Where the sweep file names the site. */
  at: Span;
  /** Folder of the sweep file. */
  sweepDirectory: string;
}

/**
 * Finds a site beside the sweep file (`../sites/NAME.yaml`), else among those that qsweep brings.
 * Throws a diagnosed failure `site-invalid` if there is none or its file is wrong.
 */
export async function findSite({ name, at, sweepDirectory }: SiteQuery): Promise<Site> {
  const folders = [path.join(sweepDirectory, "..", "sites"), packageSites()];
  for (const folder of folders) {
    const file = path.join(folder, `${name}.yaml`);
    if (!(await isThere(file))) continue;
    const shown = path.relative(process.cwd(), file) || file;
    const { site, diagnostics } = readSite(await readSource(shown, "site-invalid"));
    if (site) return { ...site, name, root: path.resolve(folder, site.root) };
    const remedy = "Correct the site file.";
    throw new DiagnosedFailure({ reason: "site-invalid", remedy, diagnostics });
  }
  const known = await knownSites(folders);
  const near = nearestName(name, known);
  const hint = near === undefined ? "" : `; did you mean "${near}"?`;
  const message = `there is no site "${name}"${hint} (known: ${known.join(", ")})`;
  throw new DiagnosedFailure({
    reason: "site-invalid",
    remedy: "Name one of the known sites, or describe a new one in a file of configs/sites.",
    diagnostics: [diagnostic(message, at)],
  });
}

async function knownSites(folders: string[]): Promise<string[]> {
  const lists = folders.map((folder) => readdir(folder).catch((): string[] => []));
  const files = (await Promise.all(lists)).flat().filter((file) => file.endsWith(".yaml"));
  return [...new Set(files.map((file) => path.basename(file, ".yaml")))].toSorted();
}

/**
 * configs/sites of this package: the same folder for the sources and for what is built in dist/.
 */
function packageSites(): string {
  let folder = import.meta.dirname;
  while (!existsSync(path.join(folder, "package.json"))) {
    const parent = path.dirname(folder);
    if (parent === folder) throw new Error("qsweep's own package.json is missing");
    folder = parent;
  }
  return path.join(folder, "configs", "sites");
}

async function isThere(file: string): Promise<boolean> {
  return access(file).then(
    () => true,
    () => false,
  );
}
