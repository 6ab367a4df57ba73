import type { RemoteHost } from "../ports/remote-host.ts";
import type { ResourceRequest } from "../sweep/arm.ts";
import type { ClusterSite } from "../sweep/site-config.ts";
import type { SiteCheck } from "./site-check.ts";
import { deployWorker } from "./deploy-worker.ts";
import { resolveRoot } from "./remote-root.ts";
import { ok } from "./site-check.ts";

export interface SetUpOptions {
  request: ResourceRequest;
  note: (line: string) => void;
}

/** Makes a checked site ready. */
export async function setUpSite(
  host: RemoteHost,
  site: ClusterSite & { name: string },
  { note }: SetUpOptions,
): Promise<SiteCheck[]> {
  const root = await resolveRoot(host, site);
  const { directory } = await deployWorker(host, { root, onProgress: note });
  return [ok("worker", directory)];
}
