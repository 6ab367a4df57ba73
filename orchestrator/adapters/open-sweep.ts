import { statSync } from "node:fs";
import path from "node:path";
import { Failure } from "../../worker/contract/failure.ts";
import type { Sites } from "../ports/sites.ts";
import type { OpenSweep } from "../ports/sweep-access.ts";
import { checkSchema } from "../sweep/check-schema.ts";
import { DiagnosedFailure } from "../sweep/diagnostic.ts";
import { findSite, readSiteFile, type Site } from "../sweep/find-site.ts";
import { nearestName } from "../sweep/nearest-name.ts";
import { placed } from "../sweep/problem.ts";
import { readSource } from "../sweep/read-source.ts";
import { readYaml } from "../sweep/read-yaml.ts";
import { SweepFile } from "../sweep/sweep-schema.ts";
import { locate, type YamlNode } from "../sweep/yaml-node.ts";
import { notLaunched } from "./local-sweep-access.ts";
import { registeredSite, registeredSweeps } from "./sweep-registry.ts";

/** Opens a launched sweep: a file names its sweep and site, a bare name is looked up. */
export function sweepOpener(sites: Sites): OpenSweep {
  return async (nameOrFile) => {
    const isFile = looksLikeFile(nameOrFile);
    const { name, site } = isFile ? await placeOf(nameOrFile) : await registered(nameOrFile);
    const opened = await sites.open(site);
    const access = opened.access(name);
    if (await access.isLaunched()) return access;
    await access.close();
    throw notLaunched(name, opened.root);
  };
}

/** What looks like a file and is none is reported as a missing file, not as a missing name. */
function looksLikeFile(nameOrFile: string): boolean {
  if (/\.ya?ml$/.test(nameOrFile)) return true;
  return statSync(nameOrFile, { throwIfNoEntry: false })?.isFile() === true;
}

interface SweepPlaceFound {
  name: string;
  site: Site;
}

/**
 * Only the file's name and site are read: the rest may depend on options of the launch, and need
 * not hold any more for a sweep that is under way.
 */
async function placeOf(file: string): Promise<SweepPlaceFound> {
  const { root: tree, diagnostics } = readYaml(await readSource(file, "sweep-invalid"));
  const remedy = "Correct the sweep file, or give the sweep's name.";
  if (!tree) throw new DiagnosedFailure({ reason: "sweep-invalid", remedy, diagnostics });
  const { value, problems } = checkSchema(SweepPlace, onlyPlace(tree));
  if (!value) {
    const found = problems.map((problem) => placed(tree, problem));
    throw new DiagnosedFailure({ reason: "sweep-invalid", remedy, diagnostics: found });
  }
  const site = await findSite({
    name: value.site,
    at: locate(tree, ["site"], "value"),
    sweepDirectory: path.dirname(path.resolve(file)),
  });
  return { name: value.name, site };
}

const SweepPlace = SweepFile.pick({ name: true, site: true });

function onlyPlace(tree: YamlNode): YamlNode {
  if (tree.kind !== "map") return tree;
  const entries = [...tree.entries].filter(([key]) => key in SweepPlace.shape);
  return { ...tree, entries: new Map(entries) };
}

async function registered(name: string): Promise<SweepPlaceFound> {
  const file = registeredSite(name);
  if (file !== null) return { name, site: await readSiteFile(file) };
  const known = registeredSweeps();
  const near = nearestName(name, known);
  throw new Failure({
    reason: "sweep-unknown",
    message: `there is no sweep "${name}"${near === undefined ? "" : `; did you mean "${near}"?`}`,
    remedy:
      known.length === 0
        ? "Launch one first: qsweep launch FILE."
        : `Give a launched sweep (${known.slice(0, MAX_NAMED).join(", ")}) or its file.`,
  });
}

const MAX_NAMED = 10;
