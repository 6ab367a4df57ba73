import path from "node:path";
import { Readable } from "node:stream";
import { Failure } from "../../worker/contract/failure.ts";
import { SiteRecord } from "../../worker/contract/site-proof.ts";
import type { RemoteHost } from "../ports/remote-host.ts";

const MAX_BYTES = 64 * 1024;

/** Keeps what a set-up proved as `<root>/site.json`. */
export async function writeSiteRecord(
  host: RemoteHost,
  root: string,
  record: SiteRecord,
): Promise<void> {
  const text = `${JSON.stringify(record, null, 2)}\n`;
  await host.upload(Readable.from([text]), path.posix.join(root, "site.json"));
}

/**
 * What the last set-up of a site proved. Throws Failure `site-not-ready` where there was none, or
 * one of another version of qsweep.
 */
export async function readSiteRecord(
  host: RemoteHost,
  { name, root }: { name: string; root: string },
): Promise<SiteRecord> {
  const file = await host.readFile(path.posix.join(root, "site.json"), MAX_BYTES);
  const record = file === null ? null : SiteRecord.safeParse(json(file.toString()));
  if (record?.success) return record.data;
  throw new Failure({
    reason: "site-not-ready",
    message: `site ${name} was not set up: there is no valid ${root}/site.json`,
    remedy: `Run \`qsweep site setup ${name}\`.`,
  });
}

function json(text: string): unknown {
  try {
    return JSON.parse(text);
  } catch {
    return null;
  }
}
