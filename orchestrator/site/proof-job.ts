import { readFileSync } from "node:fs";
import path from "node:path";
import { packageRoot } from "../../worker/files/package-root.ts";
import type { GridArray } from "../ports/scheduler.ts";
import type { ResourceRequest } from "../sweep/arm.ts";
import { gridScript } from "../sge/grid-script.ts";
import type { ClusterSite } from "../sweep/site-config.ts";
import { walltimeSeconds, walltimeText } from "../sweep/walltime.ts";

/** Long enough to load a TensorFlow from a slow disk; short, so that a queue finds room soon. */
const PROOF_SECONDS = 15 * 60;

export interface ProofJob {
  site: ClusterSite;
  /** What pilots will ask for; the proof asks for the same with a short walltime. */
  request: ResourceRequest;
  root: string;
  /** Folder of the deployed worker. */
  worker: string;
  /** Unique, 8 hex digits. */
  token: string;
  nonce: string;
  /** Where something listens that the proof is to reach; null where the proof listens. */
  reach: { host: string; port: number } | null;
}

/** `<root>/proofs/<token>`: all files of one proof. */
export function proofDirectory({ root, token }: Pick<ProofJob, "root" | "token">): string {
  return path.posix.join(root, "proofs", token);
}

/** The script of a proof's grid job: submitted and set up as pilots are. */
export function proofScript(job: ProofJob): string {
  const body = readFileSync(path.join(packageRoot(), "jobs", "task.sh"), "utf8");
  return gridScript({ array: proofArray(job), site: job.site, body: `${body}\nrun_task\n` });
}

function proofArray({ site, request, root, worker, token, nonce, reach }: ProofJob): GridArray {
  const directory = proofDirectory({ root, token });
  const { redisServer, interface: network } = site.broker;
  const seconds = Math.min(PROOF_SECONDS, walltimeSeconds(request.walltime));
  return {
    program: "pilot",
    token,
    label: "proof",
    directory,
    logs: directory,
    request: { ...request, walltime: walltimeText(seconds) },
    atOnce: 1,
    slices: 1,
    command: [
      site.node,
      path.posix.join(worker, "dist", "worker", "prove.js"),
      "--directory",
      directory,
      "--nonce",
      nonce,
      "--gpus",
      String(request.gpus),
      "--gpu-rule",
      site.sge.gpuRule,
      ...(redisServer === null ? [] : ["--redis-server", redisServer]),
      ...(network === null ? [] : ["--interface", network]),
      ...(reach ? ["--broker-host", reach.host, "--broker-port", String(reach.port)] : []),
    ],
    environment: { QSWEEP_CACHE: `${root}/cache` },
    directives: site.sge.directives,
  };
}
