import { statSync } from "node:fs";
import path from "node:path";
import { Failure } from "../../worker/contract/failure.ts";
import { readPlan, sweepPaths } from "../../worker/files/sweep-directory.ts";
import type { SweepAccess } from "../ports/sweep-access.ts";
import { checkSchema } from "../sweep/check-schema.ts";
import { DiagnosedFailure } from "../sweep/diagnostic.ts";
import { findSite } from "../sweep/find-site.ts";
import { nearestName } from "../sweep/nearest-name.ts";
import { placed } from "../sweep/problem.ts";
import { readSource } from "../sweep/read-source.ts";
import { readYaml } from "../sweep/read-yaml.ts";
import { SweepFile } from "../sweep/sweep-schema.ts";
import { locate, type YamlNode } from "../sweep/yaml-node.ts";
import { LocalSweepAccess, notLaunched } from "./local-sweep-access.ts";
import { registeredSweep, registeredSweeps } from "./sweep-registry.ts";

/** Opens a launched sweep: a file names its sweep and site, a bare name is looked up. */
export async function openSweep(nameOrFile: string): Promise<SweepAccess> {
  const { name, root } = isFile(nameOrFile) ? await placeOf(nameOrFile) : registered(nameOrFile);
  if (readPlan(sweepPaths(root, name)) === null) throw notLaunched(name, root);
  return new LocalSweepAccess(root, name);
}

/** What looks like a file and is none is reported as a missing file, not as a missing name. */
function isFile(nameOrFile: string): boolean {
  if (/\.ya?ml$/.test(nameOrFile)) return true;
  return statSync(nameOrFile, { throwIfNoEntry: false })?.isFile() === true;
}

/**
 * Only the file's name and site are read: the rest may depend on options of the launch, and need
 * not hold any more for a sweep that is under way.
 */
async function placeOf(file: string): Promise<{ name: string; root: string }> {
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
  return { name: value.name, root: site.root };
}

const SweepPlace = SweepFile.pick({ name: true, site: true });

function onlyPlace(tree: YamlNode): YamlNode {
  if (tree.kind !== "map") return tree;
  const entries = [...tree.entries].filter(([key]) => key in SweepPlace.shape);
  return { ...tree, entries: new Map(entries) };
}

function registered(name: string): { name: string; root: string } {
  const place = registeredSweep(name);
  if (place) return { name, root: place.root };
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
