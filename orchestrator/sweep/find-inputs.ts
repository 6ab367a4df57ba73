import { existsSync } from "node:fs";
import path from "node:path";
import { Failure } from "../../worker/contract/failure.ts";
import { datasetDigest } from "../../worker/files/dataset-digest.ts";
import { countImages, encodedShape } from "../../worker/files/encoded-size.ts";
import { fetchedModel } from "../../worker/files/hub-models.ts";
import { modelDigest, type ModelFolder } from "../../worker/files/model-digest.ts";
import type { Arm } from "./arm.ts";
import { canonicalJson, sha256 } from "./canonical-json.ts";
import { diagnostic, DiagnosedFailure, type Diagnostic } from "./diagnostic.ts";
import type { Span } from "./source-text.ts";
import type { SweepFile } from "./sweep-schema.ts";
import type { PlanInputs, ResolvedModel } from "./trial-plan.ts";
import { locate, type YamlNode, type YamlPath } from "./yaml-node.ts";

/** What a site says of the models and data that are there. */
export interface SiteInputs {
  /** Where the site keeps things, absolute. */
  readonly root: string;
  /** See `worker/files/model-digest.ts`; throws Failure `model-missing`. */
  modelDigest(folder: ModelFolder): Promise<string>;
  /** See `worker/files/dataset-digest.ts`; throws Failure `data-missing`. */
  datasetDigest(query: { root: string; splits: readonly string[] }): Promise<DatasetDigests>;
  /** See `worker/files/encoded-size.ts`. */
  encodedShape(model: string): Promise<[positions: number, channels: number]>;
  countImages(query: { root: string; splits: readonly string[] }): Promise<number>;
}

type DatasetDigests = Record<string, string>;

/** This machine's own models and data. */
export function localInputs(root: string): SiteInputs {
  return { root, modelDigest, datasetDigest, encodedShape, countImages };
}

/** A folder of this machine that the site needs. */
export interface Upload {
  kind: "model" | "dataset";
  from: string;
  /** On the site: its name holds the digest, so what is there is the same. */
  to: string;
}

interface InputQuery {
  sweep: SweepFile;
  arms: Arm[];
  tree: YamlNode;
  sweepDirectory: string;
  /** Whether the site is this machine. */
  isLocal: boolean;
  inputs: SiteInputs;
}

interface Inputs {
  dataset: PlanInputs["dataset"];
  /** By arm. */
  models: Map<string, ResolvedModel>;
  /** None where the site is this machine. */
  uploads: Upload[];
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
  const uploads = new Map<string, Upload>();
  const placed = (kind: Upload["kind"], place: Place, digest: string): string => {
    if (!place.isSent) return place.directory;
    const name = `${place.name}@${digest.slice(0, DIGEST_CHARACTERS)}`;
    const to = path.posix.join(query.inputs.root, `${kind}s`, name);
    uploads.set(to, { kind, from: place.directory, to });
    return to;
  };
  const models = new Map<string, ResolvedModel>();
  const digests = new Map<string, Promise<string>>();
  for (const { name, model, init } of query.arms) {
    const found = await look(["arms", name, "model"], async (at) => {
      const place = modelPlace(query, model, at);
      const { directory } = place;
      const key = `${init} ${directory}`;
      const take = place.isSent ? modelDigest : query.inputs.modelDigest.bind(query.inputs);
      const digest = digests.get(key) ?? take({ directory, init });
      digests.set(key, digest);
      return { directory: placed("model", place, await digest), digest: await digest };
    });
    if (found) models.set(name, found);
  }
  const dataset = await look(["dataset", "root"], async (at) => {
    const place = placeOf(query, query.sweep.dataset.root, at);
    const splits = [...new Set(["train", query.sweep.objective.split])];
    const take = place.isSent ? datasetDigest : query.inputs.datasetDigest.bind(query.inputs);
    const annotations = await take({ root: place.directory, splits });
    const digest = sha256(canonicalJson(annotations));
    return { directory: placed("dataset", place, digest), annotations };
  });
  const [first] = missing;
  if (!first && dataset) return { models, dataset, uploads: [...uploads.values()] };
  throw new DiagnosedFailure({
    reason: first?.failure.reason ?? "data-missing",
    remedy: [...new Set(missing.map(({ failure }) => failure.remedy))].join(" "),
    diagnostics: missing.map((entry) => entry.diagnostic),
  });
}

/** Where an input is, and whether it has to be sent to the site from there. */
interface Place {
  directory: string;
  /** What the site calls it, before its digest. */
  name: string;
  isSent: boolean;
}

/** Enough to tell versions of one model apart. */
const DIGEST_CHARACTERS = 12;

/**
 * A path beside the sweep file comes first, then a model that was fetched to this machine; any
 * other name is looked for in the site's models/.
 */
function modelPlace(query: InputQuery, model: string, at: Span): Place {
  const beside = path.resolve(baseDirectory(query, at), model);
  const isPath = model.startsWith(".") || path.isAbsolute(model) || existsSync(beside);
  if (isPath) return placeOf(query, model, at);
  const fetched = fetchedModel(model, process.env);
  if (fetched !== null)
    return { directory: fetched, name: path.basename(model), isSent: !query.isLocal };
  const models = path.join(query.inputs.root, "models");
  const directory = path.resolve(models, model);
  if (directory.startsWith(models + path.sep)) {
    return { directory, name: path.basename(model), isSent: false };
  }
  throw new Failure({
    reason: "model-missing",
    message: `there is no model folder ${beside}`,
    remedy:
      "Name a folder, a model in the site's models/, or one that `qsweep model fetch` brought.",
  });
}

/** A relative path is one of this machine; an absolute one is the site's. */
function placeOf(query: InputQuery, given: string, at: Span): Place {
  const directory = path.resolve(baseDirectory(query, at), given);
  const isSent = !query.isLocal && !path.isAbsolute(given);
  return { directory, name: path.basename(directory), isSent };
}

/** Paths in a file are relative to it; paths typed as an option are relative to the shell. */
function baseDirectory({ sweepDirectory }: InputQuery, { source }: Span): string {
  return source.kind === "option" ? process.cwd() : sweepDirectory;
}
