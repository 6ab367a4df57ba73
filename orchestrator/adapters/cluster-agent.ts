import { datasetDigest } from "../../worker/files/dataset-digest.ts";
import { countImages, encodedShape } from "../../worker/files/encoded-size.ts";
import { modelDigest } from "../../worker/files/model-digest.ts";
import { readPlan, sweepPaths } from "../../worker/files/sweep-directory.ts";
import type { SiteAgent } from "../agent/site-agent.ts";
import type { ClusterSite } from "../sweep/site-config.ts";
import { LocalSweepAccess } from "./local-sweep-access.ts";
import { SgeScheduler } from "./sge-scheduler.ts";
import { SiteLaunch } from "./site-launch.ts";

/** The agent of a cluster's login host: what is local there, and its scheduler. */
export function clusterAgent(site: ClusterSite & { name: string }): SiteAgent {
  const scheduler = new SgeScheduler({ site });
  const launch = new SiteLaunch(scheduler);
  const accesses = new Map<string, LocalSweepAccess>();
  const access = (sweep: string): LocalSweepAccess => {
    const known = accesses.get(sweep) ?? new LocalSweepAccess(site.root, sweep, scheduler);
    accesses.set(sweep, known);
    return known;
  };
  return {
    modelDigest,
    datasetDigest,
    encodedShape,
    countImages,
    compare: (sweep) => launch.compare(sweep),
    record: (sweep, options) => launch.record(sweep, options),
    prepare: (sweep) => launch.prepare(sweep),
    pools: (sweep) => launch.pools(sweep),
    submitPilots: (sweep, order) => launch.submitPilots(sweep, order),
    submitBroker: (sweep) => launch.submitBroker(sweep),
    isLaunched: async (sweep) => readPlan(sweepPaths(site.root, sweep)) !== null,
    read: (sweep) => access(sweep).read(),
    witnesses: (sweep) => access(sweep).witnesses(),
    grid: (sweep, silent) => access(sweep).grid(silent),
    apply: (sweep, action) => access(sweep).apply(action),
    reconcile: (sweep, options) => access(sweep).reconcile(options),
    recordIntent: (sweep, intent) => access(sweep).recordIntent(intent),
    readPart: (sweep, file) => access(sweep).readPart(file),
  };
}
