import { createWriteStream, existsSync } from "node:fs";
import { rm, stat, truncate } from "node:fs/promises";
import { Readable } from "node:stream";
import { pipeline } from "node:stream/promises";
import { Failure } from "../contract/failure.ts";
import { errorCode } from "../files/error-code.ts";
import { contentProblem, type HubCache } from "./hub-cache.ts";
import { type HubClient, HubTrouble } from "./hub-client.ts";

/** A file of a model as the hub describes it. */
export interface HubFile {
  name: string;
  /** Its address from the endpoint on. */
  path: string;
  etag: string;
  bytes: number;
}

interface Download {
  file: HubFile;
  client: HubClient;
  cache: HubCache;
  /** Told how many bytes of the file are here. */
  onBytes: (bytes: number) => void;
}

/**
 * Brings a file's content into the cache, unless it is there: it goes on where an earlier download
 * stopped, and becomes a blob only when size and checksum are right.
 * Throws Failure `file-invalid` for a wrong checksum, `disk-full`, and what asking the hub throws.
 */
export async function download({ file, client, cache, onBytes }: Download): Promise<void> {
  if (existsSync(cache.blob(file.etag))) return;
  const part = cache.takePart(file.etag);
  try {
    await client.persistently(file.name, () => receive({ file, client, part, onBytes }));
    const problem = await contentProblem(part, file.etag);
    if (problem !== null) {
      await rm(part);
      throw new Failure({
        reason: "file-invalid",
        message: `${file.name} arrived damaged: ${problem}`,
        remedy: "run the command again to fetch it anew",
      });
    }
    await cache.seal(file.etag, part);
  } catch (error) {
    cache.leavePart(file.etag, part);
    throw isDiskFull(error) ? diskFull(part, error) : error;
  }
}

type Part = Omit<Download, "cache"> & { part: string };

/** Receives what is missing of a part. Throws where the connection ends before its time. */
async function receive({ file, client, part, onBytes }: Part): Promise<void> {
  let held = (await stat(part).catch(() => null))?.size ?? 0;
  if (held > file.bytes) held = await emptied(part);
  if (held === file.bytes && existsSync(part)) return;
  const response = await client.ask({
    path: file.path,
    what: file.name,
    method: "GET",
    ...(held > 0 && { headers: { range: `bytes=${held}-` } }),
    leaveHost: true,
  });
  if (!continues(response, held)) held = held > 0 ? await emptied(part) : 0;
  if (response.status === 416) throw new HubTrouble("the hub does not go on where it stopped");
  if (response.body === null) throw new HubTrouble("an empty answer");
  const counted = async function* (pieces: AsyncIterable<Uint8Array>) {
    for await (const piece of pieces) {
      held += piece.byteLength;
      if (held > file.bytes) throw new HubTrouble(`more than the ${file.bytes} bytes it announced`);
      onBytes(held);
      yield piece;
    }
  };
  const target = createWriteStream(part, { flags: "a", flush: true });
  await pipeline(Readable.from(counted(response.body)), target);
  if (held < file.bytes) throw new HubTrouble(`only ${held} of ${file.bytes} bytes came`);
}

/** Whether an answer begins where the part ends: a hub may ignore the question for a range. */
function continues({ status, headers }: Response, held: number): boolean {
  return status === 206 && (headers.get("content-range") ?? "").startsWith(`bytes ${held}-`);
}

async function emptied(part: string): Promise<0> {
  await truncate(part);
  return 0;
}

function isDiskFull(error: unknown): boolean {
  return ["ENOSPC", "EDQUOT"].includes(String(errorCode(error)));
}

function diskFull(part: string, cause: unknown): Failure {
  return new Failure({
    reason: "disk-full",
    message: `no space left to download into ${part}`,
    remedy: "make room there, or set HF_HUB_CACHE to a folder on a larger disk",
    cause,
  });
}
