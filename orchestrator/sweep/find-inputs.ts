import { existsSync } from "node:fs";
import path from "node:path";
import { Failure } from "../../worker/contract/failure.ts";
import { datasetDigest } from "../../worker/files/dataset-digest.ts";
import { modelDigest } from "../../worker/files/model-digest.ts";
import type { Arm } from "./arm.ts";
import { diagnostic, DiagnosedFailure, type Diagnostic } from "./diagnostic.ts";
import type { Span } from "./source-text.ts";
import type { SweepFile } from "./sweep-schema.ts";
import type { PlanInputs, ResolvedModel } from "./trial-plan.ts";
import { locate, type YamlNode, type YamlPath } from "./yaml-node.ts";

interface InputQuery {
  sweep: SweepFile;
  arms: Arm[];
  tree: YamlNode;
  sweepDirectory: string;
  siteRoot: string;
}

interface Inputs {
  dataset: PlanInputs["dataset"];
  /** By arm. */
  models: Map<string, ResolvedModel>;
}

/**
 * Finds the models and the data set of a sweep and takes their digests. Throws one diagnosed
 * failure (`model-missing` or `data-missing`) that names everything missing at its place.
 */
export async function findInputs(query: InputQuery): Promise<Inputs> {
  const missing: { failure: Failure; diagnostic: Diagnostic }[] = [];
  const look = async <T>(
    keys: YamlPath,
    find: (at: Span) => Promise<T>,
  ): Promise<T | undefined> => {
    const at = locate(query.tree, keys, "value");
    try {
      return await find(at);
    } catch (failure) {
      if (!(failure instanceof Failure)) throw failure;
      missing.push({ failure, diagnostic: diagnostic(failure.message, at) });
      return undefined;
    }
  };
  const models = new Map<string, ResolvedModel>();
  const digests = new Map<string, Promise<string>>();
  for (const { name, model, init } of query.arms) {
    const found = await look(["arms", name, "model"], async (at) => {
      const directory = modelDirectory(query, model, at);
      const key = `${init} ${directory}`;
      const digest = digests.get(key) ?? modelDigest({ directory, init });
      digests.set(key, digest);
      return { directory, digest: await digest };
    });
    if (found) models.set(name, found);
  }
  const dataset = await look(["dataset", "root"], async (at) => {
    const directory = path.resolve(baseDirectory(query, at), query.sweep.dataset.root);
    const splits = [...new Set(["train", query.sweep.objective.split])];
    return { directory, annotations: await datasetDigest({ root: directory, splits }) };
  });
  const [first] = missing;
  if (!first && dataset) return { models, dataset };
  throw new DiagnosedFailure({
    reason: first?.failure.reason ?? "data-missing",
    remedy: [...new Set(missing.map(({ failure }) => failure.remedy))].join(" "),
    diagnostics: missing.map((entry) => entry.diagnostic),
  });
}

/** A path beside the sweep file comes first; any other name is looked for in the site's models/. */
function modelDirectory(query: InputQuery, model: string, at: Span): string {
  const beside = path.resolve(baseDirectory(query, at), model);
  const isPath = model.startsWith(".") || path.isAbsolute(model) || existsSync(beside);
  if (isPath) return beside;
  const models = path.join(query.siteRoot, "models");
  const directory = path.resolve(models, model);
  if (directory.startsWith(models + path.sep)) return directory;
  throw new Failure({
    reason: "model-missing",
    message: `there is no model folder ${beside}`,
    remedy: "Name a folder, or a model in the site's models/.",
  });
}

/** Paths in a file are relative to it; paths typed as an option are relative to the shell. */
function baseDirectory({ sweepDirectory }: InputQuery, { source }: Span): string {
  return source.kind === "option" ? process.cwd() : sweepDirectory;
}
