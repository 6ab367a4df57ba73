import path from "node:path";
import type { Proof } from "../../worker/contract/site-proof.ts";
import { redisWheel } from "../../worker/wheels/redis-server.ts";
import type { RemoteHost } from "../ports/remote-host.ts";
import type { ResourceRequest } from "../sweep/arm.ts";
import type { ClusterSite } from "../sweep/site-config.ts";
import { REDIS_CHECK } from "./engine-checks.ts";
import { deployWorker } from "./deploy-worker.ts";
import { installRemoteEngine } from "./install-remote-engine.ts";
import { proveRemotely } from "./prove-remotely.ts";
import { resolveRoot } from "./remote-root.ts";
import { sendFolder } from "./send-folder.ts";
import { ok, problem, type SiteCheck, warning } from "./site-check.ts";
import { writeSiteRecord } from "./site-record.ts";

export interface SetUpOptions {
  /** What `checkSite` found, without a problem. */
  checks: readonly SiteCheck[];
  /** What pilots will ask for. */
  request: ResourceRequest;
  note: (line: string) => void;
}

/**
 * Makes a checked site ready: worker and engine are there, and a short grid job has proved what
 * pilots need. Records it only when nothing was found to be a problem. Safe to repeat.
 */
export async function setUpSite(
  host: RemoteHost,
  site: ClusterSite & { name: string },
  { checks, request, note }: SetUpOptions,
): Promise<SiteCheck[]> {
  const root = await resolveRoot(host, site);
  const { directory: worker, hash, sent } = await deployWorker(host, { root, onProgress: note });
  if (lacksRedis(checks)) await sendRedis(host, root, note);
  const engine = await installRemoteEngine(host, { site, root, worker, note });
  const { host: where, proofs } = await proveRemotely(host, { site, request, root, worker, note });
  const findings = [
    ok("worker", `${worker} (${sent ? "sent" : "was there"})`),
    ok("engine", `TensorFlow ${engine.tensorflow} in ${engine.library}`),
    ...proofs.map((proof) => proofCheck(proof, where)),
  ];
  if (proofs.some(({ status }) => status === "problem")) return findings;
  const { tensorflow, library, compiler } = engine;
  await writeSiteRecord(host, root, {
    version: 1,
    worker: hash,
    engine: { tensorflow, library, compiler },
    proofs,
    host: where,
    time: new Date().toISOString(),
  });
  return [...findings, ok("set-up", `recorded in ${root}/site.json`)];
}

function lacksRedis(checks: readonly SiteCheck[]): boolean {
  return checks.some(({ check, status }) => check === REDIS_CHECK && status === "warning");
}

/** Puts a redis-server into the site's cache, where the broker looks for one. */
async function sendRedis(
  host: RemoteHost,
  root: string,
  note: (line: string) => void,
): Promise<void> {
  const from = await redisWheel("linux-x64", note);
  const to = path.posix.join(root, "cache", "wheels", path.basename(from));
  await sendFolder(host, { from, to, onProgress: note });
}

function proofCheck({ proof, status, message }: Proof, where: string): SiteCheck {
  const check = `proof: ${proof}`;
  if (status === "ok") return ok(check, message);
  const remedy = `See it on ${where}; correct the site's file and run the set-up again.`;
  return status === "warning" ? warning(check, message, remedy) : problem(check, message, remedy);
}
