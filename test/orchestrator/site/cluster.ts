import type { BrokerPlacement, ClusterSite } from "../../../orchestrator/sweep/site-config.ts";

type Parts = Partial<Omit<ClusterSite, "broker" | "sge">> & {
  broker?: Partial<BrokerPlacement>;
  sge?: Partial<ClusterSite["sge"]>;
};

/** A cluster like the lab's, with some of its settings changed. */
export function cluster({ broker, sge, ...parts }: Parts = {}): ClusterSite {
  return {
    scheduler: "sge",
    root: "~/qsweep",
    leaseSeconds: 300,
    maxPilots: 16,
    ssh: { host: "login", jump: "gateway" },
    setup: ["module load nodejs"],
    node: "node",
    tensorflow: null,
    slices: 10,
    marginSeconds: 300,
    brokerWaitSeconds: 600,
    broker: {
      placement: "job",
      redisServer: null,
      interface: null,
      walltimeSeconds: 86_400,
      directives: [],
      url: null,
      ...broker,
    },
    sge: {
      project: "ds598",
      parallelEnvironment: "omp",
      gpuResource: "gpus",
      gpuRule: "auto",
      directives: [],
      pollSeconds: 15,
      ...sge,
    },
    ...parts,
  };
}
