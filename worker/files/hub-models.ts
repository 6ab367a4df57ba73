import { existsSync, readFileSync } from "node:fs";
import { homedir } from "node:os";
import path from "node:path";

/** Environment variables by name. */
export type Environment = Readonly<Record<string, string | undefined>>;

/** `OWNER/NAME`, or `NAME` alone. */
const NAME = /^(?!.*(?:\.\.|--))[\w-][\w.-]*(?:\/[\w-][\w.-]*)?$/;
const COMMIT = /^[0-9a-f]{40}$/;

/** Whether a text can be the name of a model on a hub; then it leads out of no folder. */
export function isHubName(name: string): boolean {
  return NAME.test(name);
}

/** Where Hugging Face's tools keep their things: `HF_HOME`, or a folder in the user's cache. */
export function hubHome(environment: Environment): string {
  const caches = environment["XDG_CACHE_HOME"] || path.join(homedir(), ".cache");
  return path.resolve(environment["HF_HOME"] || path.join(caches, "huggingface"));
}

/** Where they keep downloaded models: `HF_HUB_CACHE`, or `hub` in their home. */
export function hubCache(environment: Environment): string {
  return path.resolve(environment["HF_HUB_CACHE"] || path.join(hubHome(environment), "hub"));
}

/** The folder of one model in such a cache. */
export function hubModelFolder(cache: string, name: string): string {
  return path.join(cache, `models--${name.replaceAll("/", "--")}`);
}

/** The files of a fetched model, as its branch `main` was then; null where it was not fetched. */
export function fetchedModel(name: string, environment: Environment): string | null {
  if (!isHubName(name)) return null;
  const folder = hubModelFolder(hubCache(environment), name);
  const branch = path.join(folder, "refs", "main");
  const commit = existsSync(branch) ? readFileSync(branch, "utf8").trim() : "";
  const snapshot = path.join(folder, "snapshots", commit);
  return COMMIT.test(commit) && existsSync(snapshot) ? snapshot : null;
}
