import { mkdir } from "node:fs/promises";
import { z } from "zod";
import { Failure } from "../contract/failure.ts";
import { isHubName } from "../files/hub-models.ts";
import { readShardIndex } from "../files/model-weights.ts";
import { download, type HubFile } from "./download.ts";
import { HubCache } from "./hub-cache.ts";
import { HubClient, type HubRequest, HubTrouble, type Pause } from "./hub-client.ts";
import type { HubSettings } from "./hub-settings.ts";

const NEEDED = ["config.json", "preprocessor_config.json"];
/** Fetched where the model has them. */
const COMPANIONS = [
  "generation_config.json",
  "special_tokens_map.json",
  "tokenizer.json",
  "tokenizer_config.json",
  "vocab.txt",
];
const INDEX = "model.safetensors.index.json";
const WEIGHTS = ["model.safetensors", INDEX, "pytorch_model.bin"];
const MAX_ANSWER_BYTES = 16 * 2 ** 20;
const MS_BETWEEN_LINES = 5000;

const REVISION = /^(?!.*\.\.)[\w-][\w./-]*$/;
const ETAG = /^[\w-]{1,128}$/;

const ModelAnswer = z.object({
  sha: z.string().regex(/^[0-9a-f]{40}$/),
  siblings: z.array(z.object({ rfilename: z.string() })),
});

export interface FetchQuery {
  /** OWNER/NAME. */
  name: string;
  /** A branch, a tag or a commit. */
  revision: string;
  settings: HubSettings;
  pause: Pause;
  /** Told in one line what takes long. */
  progress: (line: string) => void;
}

export interface FetchedModel {
  name: string;
  revision: string;
  commit: string;
  /** The model's folder in the cache. */
  directory: string;
  files: { name: string; bytes: number }[];
}

/**
 * Downloads the files of a model that loading it needs into the cache of Hugging Face's tools;
 * what is there from an earlier fetch is taken as it is. All files are of one commit. Safe to
 * interrupt and to run more than once at the same time.
 * Throws Failure `usage`, `model-missing`, `hub-refused`, `hub-unreachable`, `file-invalid` or
 * `disk-full`.
 */
export async function fetchModel(query: FetchQuery): Promise<FetchedModel> {
  const { name, revision, settings, pause } = query;
  if (!isHubName(name)) throw misused(`${name} is no name of a model: OWNER/NAME`);
  if (!REVISION.test(revision)) throw misused(`${revision} is no revision`);
  const client = new HubClient(settings, pause);
  const { sha: commit, siblings } = await modelAnswer(client, query);
  const cache = new HubCache(settings.cache, name);
  const fetched = new Map<string, number>();
  const fetchFile = async (file: string) => {
    const found = await describeFile(client, { name, commit, file });
    await download({ file: found, client, cache, onBytes: tell(found, query.progress) });
    await cache.link(commit, file, found.etag);
    fetched.set(file, found.bytes);
  };
  await mkdir(cache.snapshot(commit), { recursive: true });
  for (const file of wantedFiles(name, siblings)) await fetchFile(file);
  const directory = cache.snapshot(commit);
  if (fetched.has(INDEX)) {
    const shards = new Set((await readShardIndex(directory)).values());
    for (const shard of shards) await fetchFile(shard);
  }
  cache.recordRevision(revision, commit);
  const files = [...fetched].map(([file, bytes]) => ({ name: file, bytes }));
  return { name, revision, commit, directory, files };
}

async function modelAnswer(client: HubClient, { name, revision }: FetchQuery) {
  const what = `model ${name} at revision ${revision}`;
  const text = await client.persistently(what, async () => {
    const response = await client.ask({
      path: `/api/models/${name}/revision/${encodeURIComponent(revision)}`,
      what,
      method: "GET",
      leaveHost: false,
    });
    return boundedText(response);
  });
  const answer = ModelAnswer.safeParse(parsedJson(text));
  if (answer.success) return answer.data;
  throw new Failure({
    reason: "hub-unreachable",
    message: `the hub's answer about ${what} is not that of a Hugging Face hub`,
    remedy: "see that HF_ENDPOINT is the address of one",
  });
}

/** The files to fetch of those that a model has; the shards are known only from the index. */
function wantedFiles(name: string, siblings: { rfilename: string }[]): string[] {
  const present = new Set(siblings.map(({ rfilename }) => rfilename));
  const weights = WEIGHTS.find((file) => present.has(file));
  const missing = NEEDED.filter((file) => !present.has(file));
  if (weights === undefined) missing.push(WEIGHTS.join(" or "));
  if (missing.length > 0 || weights === undefined) {
    throw new Failure({
      reason: "model-missing",
      message: `model ${name} has no ${missing.join(", no ")}`,
      remedy: "fetch a BLIP captioning model in the layout of Hugging Face's transformers",
    });
  }
  return [...NEEDED, ...COMPANIONS.filter((file) => present.has(file)), weights];
}

/** Size and checksum are in the hub's own answer, before it leads to where large files are kept. */
async function describeFile(
  client: HubClient,
  { name, commit, file }: { name: string; commit: string; file: string },
): Promise<HubFile> {
  const where = `/${name}/resolve/${commit}/${encodeURIComponent(file)}`;
  const request: HubRequest = { path: where, what: file, method: "HEAD", leaveHost: false };
  return client.persistently(file, async () => {
    const { headers } = await client.ask(request);
    const etag = (headers.get("x-linked-etag") ?? headers.get("etag") ?? "")
      .replace(/^W\//, "")
      .replaceAll('"', "");
    const bytes = Number(headers.get("x-linked-size") ?? headers.get("content-length") ?? "none");
    if (!ETAG.test(etag) || !Number.isSafeInteger(bytes)) {
      throw new HubTrouble(`the hub does not say size and checksum of ${file}`);
    }
    return { name: file, path: where, etag, bytes };
  });
}

async function boundedText(response: Response): Promise<string> {
  const pieces: Uint8Array[] = [];
  let bytes = 0;
  for await (const piece of response.body ?? []) {
    bytes += piece.byteLength;
    if (bytes > MAX_ANSWER_BYTES) throw new HubTrouble("an answer without end");
    pieces.push(piece);
  }
  return Buffer.concat(pieces).toString();
}

function parsedJson(text: string): unknown {
  try {
    return JSON.parse(text);
  } catch {
    return null;
  }
}

/** Tells how far a file is, seldom enough to be read; of small files nothing. */
function tell({ name, bytes: all }: HubFile, progress: (line: string) => void) {
  let next = performance.now() + MS_BETWEEN_LINES;
  return (bytes: number): void => {
    const now = performance.now();
    if (now < next) return;
    next = now + MS_BETWEEN_LINES;
    progress(`${name}: ${megabytes(bytes)} of ${megabytes(all)} MB`);
  };
}

function megabytes(bytes: number): string {
  return (bytes / 1e6).toFixed(1);
}

function misused(message: string): Failure {
  return new Failure({
    reason: "usage",
    message,
    remedy: "give a model's name on the hub, and with --revision a branch, tag or commit",
  });
}
