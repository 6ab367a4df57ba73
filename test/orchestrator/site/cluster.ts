import type { BrokerPlacement, ClusterSite } from "../../../orchestrator/sweep/site-config.ts";
import { clusterSite } from "../../rig/cluster-site.ts";

type Parts = Partial<Omit<ClusterSite, "broker" | "sge">> & {
  broker?: Partial<BrokerPlacement>;
  sge?: Partial<ClusterSite["sge"]>;
};

/** A cluster like the lab's, with some of its settings changed. */
export function cluster({ broker, sge, ...parts }: Parts = {}): ClusterSite {
  const site = clusterSite({ setup: ["module load nodejs"], root: "~/qsweep" });
  return {
    ...site,
    ssh: { host: "login", jump: "gateway" },
    ...parts,
    broker: { ...site.broker, ...broker },
    sge: { ...site.sge, project: "ds598", parallelEnvironment: "omp", ...sge },
  };
}
