import { access, readdir } from "node:fs/promises";
import path from "node:path";
import { Failure } from "../../worker/contract/failure.ts";
import { packageRoot } from "../../worker/files/package-root.ts";
import { diagnostic, DiagnosedFailure } from "./diagnostic.ts";
import { nearestName } from "./nearest-name.ts";
import { readSource } from "./read-source.ts";
import { type ClusterSite, type LocalSite, readSite } from "./site-config.ts";
import type { Span } from "./source-text.ts";

interface Named {
  name: string;
  /** The site's file, absolute. */
  file: string;
}

/** A site by its name; the root of a local one is absolute. */
export type Site = (LocalSite | ClusterSite) & Named;

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
  const site = await siteIn(folders, name);
  if (site) return site;
  const diagnostics = [diagnostic(await unknownSite(name, folders), at)];
  throw new DiagnosedFailure({ reason: "site-invalid", remedy: UNKNOWN_REMEDY, diagnostics });
}

/**
 * Finds a site that a command names: in `configs/sites` of a folder, else among those that qsweep
 * brings. Throws Failure `site-invalid`.
 */
export async function findNamedSite(name: string, directory: string): Promise<Site> {
  const folders = [path.join(directory, "configs", "sites"), packageSites()];
  const site = await siteIn(folders, name);
  if (site) return site;
  const message = await unknownSite(name, folders);
  throw new Failure({ reason: "site-invalid", message, remedy: UNKNOWN_REMEDY });
}

const UNKNOWN_REMEDY =
  "Name one of the known sites, or describe a new one in a file of configs/sites.";

/** The site of the first folder that describes it, or null. */
async function siteIn(folders: readonly string[], name: string): Promise<Site | null> {
  for (const folder of folders) {
    const file = path.join(folder, `${name}.yaml`);
    if (path.dirname(file) !== folder || !(await isThere(file))) continue;
    return readSiteFile(file);
  }
  return null;
}

async function unknownSite(name: string, folders: readonly string[]): Promise<string> {
  const known = await knownSites(folders);
  const near = nearestName(name, known);
  const hint = near === undefined ? "" : `; did you mean "${near}"?`;
  return `there is no site "${name}"${hint} (known: ${known.join(", ")})`;
}

/** The site that a file describes. Throws a failure `site-invalid` if it cannot be read as one. */
export async function readSiteFile(siteFile: string): Promise<Site> {
  const file = path.resolve(siteFile);
  const shown = path.relative(process.cwd(), file) || file;
  const { site, diagnostics } = readSite(await readSource(shown, "site-invalid"));
  const name = path.basename(file, ".yaml");
  if (site?.scheduler === "local") {
    return { ...site, name, file, root: path.resolve(path.dirname(file), site.root) };
  }
  if (site) return { ...site, name, file };
  const remedy = "Correct the site file.";
  throw new DiagnosedFailure({ reason: "site-invalid", remedy, diagnostics });
}

async function knownSites(folders: readonly string[]): Promise<string[]> {
  const lists = folders.map((folder) => readdir(folder).catch((): string[] => []));
  const files = (await Promise.all(lists)).flat().filter((file) => file.endsWith(".yaml"));
  return [...new Set(files.map((file) => path.basename(file, ".yaml")))].toSorted();
}

/** The sites that qsweep brings. */
function packageSites(): string {
  return path.join(packageRoot(), "configs", "sites");
}

async function isThere(file: string): Promise<boolean> {
  return access(file).then(
    () => true,
    () => false,
  );
}
