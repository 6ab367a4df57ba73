import path from "node:path";
import { sweepPaths } from "../../worker/files/sweep-directory.ts";
import { brokerDirectory } from "../../worker/queue/broker-address.ts";
import type { GridArray } from "../ports/scheduler.ts";
import type { Pool, ResolvedSweep } from "../sweep/resolve-sweep.ts";
import type { ClusterSite } from "../sweep/site-config.ts";
import { walltimeSeconds, walltimeText } from "../sweep/walltime.ts";
import { clusterEnvironment, siteOptions } from "./site-options.ts";

/** How often a broker may follow itself. */
const BROKER_SLICES = 50;

export interface PilotOrder {
  sweep: ResolvedSweep;
  pool: Pool;
  /** How many of the pool's pilots. */
  pilots: number;
  token: string;
  /** Path of `worker/main.js` where the pilots run. */
  program: string;
}

/** The array of some pilots of a pool. */
export function pilotArray({ sweep, pool, pilots, token, program }: PilotOrder): GridArray {
  const { site } = sweep;
  const paths = sweepPaths(site.root, sweep.name);
  const directory = path.join(paths.submissions, token);
  // On a cluster the set-up lines decide which Node a task finds.
  const node = site.scheduler === "local" ? process.execPath : site.node;
  return {
    program: "pilot",
    token,
    label: `${sweep.name}-${pool.pool}`,
    directory,
    logs: paths.pilots,
    request: pool.request,
    atOnce: pilots,
    slices: pool.slices,
    command: [
      node,
      program,
      "pilot",
      ...siteOptions(site),
      "--sweep",
      sweep.name,
      "--pool",
      pool.pool,
      "--submission",
      directory,
      "--features-limit-bytes",
      String(site.featuresLimitBytes),
      ...(site.scheduler === "local" ? [] : sliceOptions(site, pool)),
    ],
    environment: site.scheduler === "local" ? {} : clusterEnvironment(site.root),
    directives: site.scheduler === "local" ? [] : site.sge.directives,
  };
}

function sliceOptions(site: ClusterSite, { request }: Pool): string[] {
  return [
    "--walltime-seconds",
    String(walltimeSeconds(request.walltime)),
    "--margin-seconds",
    String(site.marginSeconds),
    "--broker-wait-seconds",
    String(site.brokerWaitSeconds),
    "--gpus",
    String(request.gpus),
    "--gpu-rule",
    site.sge.gpuRule,
  ];
}

/** `<root>/broker/submissions`: the broker's own grid jobs. */
export function brokerSubmissions(root: string): string {
  return path.join(brokerDirectory(root), "submissions");
}

export interface BrokerOrder {
  site: ClusterSite & { name: string; file: string };
  token: string;
  program: string;
}

/** The array of a broker that follows itself: small, with a slot and no GPU. */
export function brokerArray({ site, token, program }: BrokerOrder): GridArray {
  const { walltimeSeconds: seconds, directives } = site.broker;
  const directory = path.join(brokerSubmissions(site.root), token);
  return {
    program: "broker",
    token,
    label: "broker",
    directory,
    logs: path.join(brokerDirectory(site.root), "logs"),
    request: { walltime: walltimeText(seconds), gpus: 0, slots: 1 },
    atOnce: 1,
    slices: BROKER_SLICES,
    command: [
      site.node,
      program,
      "broker",
      ...siteOptions(site),
      "--submission",
      directory,
      "--walltime-seconds",
      String(seconds),
    ],
    environment: clusterEnvironment(site.root),
    directives,
  };
}
