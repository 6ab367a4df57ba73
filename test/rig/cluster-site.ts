import type { ClusterSite } from "../../orchestrator/sweep/site-config.ts";

export interface ClusterSiteChanges {
  root?: string;
  setup?: string[];
  sge?: Partial<ClusterSite["sge"]>;
}

/** A cluster's site as its file's defaults have it, with some changes. */
export function clusterSite(changes: ClusterSiteChanges = {}): ClusterSite {
  const broker: ClusterSite["broker"] = {
    placement: "job",
    redisServer: null,
    interface: null,
    walltimeSeconds: 86_400,
    directives: [],
    url: null,
  };
  return {
    scheduler: "sge",
    root: changes.root ?? "/shared/qsweep",
    leaseSeconds: 300,
    featuresLimitBytes: 1e9,
    maxPilots: 16,
    ssh: { host: "login" },
    setup: changes.setup ?? [],
    node: "node",
    tensorflow: null,
    slices: 10,
    marginSeconds: 300,
    brokerWaitSeconds: 600,
    broker,
    sge: {
      project: null,
      parallelEnvironment: null,
      gpuResource: "gpus",
      gpuRule: "auto",
      directives: [],
      pollSeconds: 15,
      ...changes.sge,
    },
  };
}
