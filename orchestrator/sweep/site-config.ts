import { z } from "zod";
import { checkSchema } from "./check-schema.ts";
import { DataSize, dataSizeBytes } from "./data-size.ts";
import type { Diagnostic } from "./diagnostic.ts";
import { Duration, durationSeconds } from "./parameters.ts";
import { placed } from "./problem.ts";
import { readYaml } from "./read-yaml.ts";
import type { SourceText } from "./source-text.ts";
import { Walltime, walltimeSeconds } from "./walltime.ts";
import { nodeAt } from "./yaml-node.ts";

const count = z.number().int().positive();
const word = z.string().min(1);
/** A line for `#$`, `ssh` or a shell must stay one line. */
const line = word.regex(/^[^\n\r\0]*$/, { error: "expected a single line" });
const RedisServer = word
  .optional()
  .describe("The redis-server to start; otherwise one is looked for.");

const Features = z
  .strictObject({
    limit: DataSize.default("50GB").describe("Disk space that train.encoder_cache may take."),
  })
  .prefault({})
  .describe("What frozen encoders make of images, kept in the site's features/.");

const LocalFile = z.strictObject({
  scheduler: z.enum(["local", "sge"]).describe("Who runs the pilots; local: this machine."),
  root: word.describe("Where sweeps are kept; relative to this file."),
  lease: Duration.default("15s").describe("Silence after which a trial may go to another pilot."),
  pilots: z
    .strictObject({ max: count.default(16) })
    .default({ max: 16 })
    .describe("Limits on the pilots of one pool."),
  broker: z.strictObject({ redis_server: RedisServer }).default({}),
  features: Features,
});

const Ssh = z.strictObject({
  host: line.describe("Login host: a name, or a Host of your ssh configuration."),
  user: line.optional(),
  port: count.max(65_535).optional(),
  jump: line.optional().describe("Host to go through, as ssh's ProxyJump."),
});

const GpuRule = z.enum(["auto", "environment", "nvidia-smi", "none"]);
export type GpuRule = z.infer<typeof GpuRule>;

const BrokerFile = z
  .strictObject({
    placement: z
      .enum(["job", "login", "url"])
      .default("job")
      .describe("A small grid job of its own, a process on the login host, or one that exists."),
    redis_server: RedisServer,
    interface: line.optional().describe("Network interface or address that it listens on."),
    walltime: Walltime.default("24:00:00"),
    directives: z.array(line).default([]).describe("Further qsub options of the broker's job."),
    host: line.optional().describe("For placement url."),
    port: count.max(65_535).optional().describe("For placement url."),
    password_file: line.optional().describe("For placement url: a 0600 file on the site."),
  })
  .refine(({ placement, host, port }) => placement !== "url" || (host && port), {
    error: "placement url needs host and port",
  });

const SgeFile = z.strictObject({
  scheduler: z.literal("sge"),
  ssh: Ssh,
  root: line.describe(
    "Directory on the site's shared file system; ~/ and {user} stand for home and login name.",
  ),
  setup: z
    .array(line)
    .default([])
    .describe("Shell lines run before anything of ours, such as `module load nodejs/20`."),
  node: line.default("node").describe("Node 20.19 or later, after the set-up lines."),
  tensorflow: line
    .optional()
    .describe("Folder of the site's TensorFlow libraries; otherwise python3's, else one we send."),
  lease: Duration.default("5m").describe("Silence after which a trial may go to another pilot."),
  pilots: z
    .strictObject({
      max: count.default(16).describe("Most pilots of one pool."),
      slices: count.max(1000).default(10).describe("Tasks that follow one another for each."),
      margin: Duration.default("5m").describe("Left of the walltime when a pilot checkpoints."),
      broker_wait: Duration.default("10m").describe("How long a pilot waits for a broker."),
    })
    .prefault({}),
  broker: BrokerFile.prefault({}),
  features: Features,
  sge: z
    .strictObject({
      project: line.optional().describe("For -P."),
      parallel_environment: line.optional().describe("For -pe, such as omp."),
      gpu_resource: line.default("gpus").describe("Name of the GPU resource for -l."),
      gpu_rule: GpuRule.default("auto").describe(
        "How a pilot learns its GPUs; none: train without, whatever was asked for.",
      ),
      directives: z
        .array(line)
        .default([])
        .describe("Further qsub options, one an entry, such as `-l gpu_c=7.0`."),
      poll: Duration.default("15s").describe("Least time between two qstat of one user."),
    })
    .prefault({}),
});

interface SiteLimits {
  root: string;
  leaseSeconds: number;
  maxPilots: number;
  featuresLimitBytes: number;
}

/** This machine: pilots and broker are processes of it. */
export interface LocalSite extends SiteLimits {
  scheduler: "local";
  redisServer?: string;
}

/** Where a cluster's broker runs. */
export interface BrokerPlacement {
  placement: "job" | "login" | "url";
  redisServer: string | null;
  interface: string | null;
  walltimeSeconds: number;
  directives: string[];
  /** Of a broker that exists already; null for the other placements. */
  url: { host: string; port: number; passwordFile: string | null } | null;
}

/** A Grid Engine cluster behind SSH. */
export interface ClusterSite extends SiteLimits {
  scheduler: "sge";
  ssh: { host: string; user?: string; port?: number; jump?: string };
  setup: string[];
  node: string;
  tensorflow: string | null;
  slices: number;
  marginSeconds: number;
  brokerWaitSeconds: number;
  broker: BrokerPlacement;
  sge: {
    project: string | null;
    parallelEnvironment: string | null;
    gpuResource: string;
    gpuRule: GpuRule;
    directives: string[];
    pollSeconds: number;
  };
}

/** A site as its file describes it; a local `root` is still relative to the file. */
export type SiteConfig = LocalSite | ClusterSite;

/** Reads a site file's text: its settings, or every problem found. */
export function readSite(
  source: SourceText,
): { site: SiteConfig; diagnostics: [] } | { site: null; diagnostics: Diagnostic[] } {
  const { root, diagnostics } = readYaml(source);
  if (!root) return { site: null, diagnostics };
  const scheduler = nodeAt(root, ["scheduler"]);
  const isCluster = scheduler?.kind === "scalar" && scheduler.value === "sge";
  const { value: site, problems } = isCluster
    ? checkSchema(SgeFile.transform(clusterSite), root)
    : checkSchema(LocalFile.transform(localSite), root);
  const all = [...diagnostics, ...problems.map((problem) => placed(root, problem))];
  if (!site || all.length > 0) return { site: null, diagnostics: all };
  return { site, diagnostics: [] };
}

function localSite(file: z.infer<typeof LocalFile>): SiteConfig {
  const { root, lease, pilots, broker, features } = file;
  return {
    scheduler: "local",
    root,
    leaseSeconds: durationSeconds(lease),
    maxPilots: pilots.max,
    featuresLimitBytes: dataSizeBytes(features.limit),
    ...(broker.redis_server !== undefined && { redisServer: broker.redis_server }),
  };
}

function clusterSite(file: z.infer<typeof SgeFile>): SiteConfig {
  const { root, ssh, setup, node, pilots, broker, sge } = file;
  const { user, port, jump } = ssh;
  return {
    scheduler: "sge",
    root,
    leaseSeconds: durationSeconds(file.lease),
    maxPilots: pilots.max,
    featuresLimitBytes: dataSizeBytes(file.features.limit),
    ssh: {
      host: ssh.host,
      ...(user !== undefined && { user }),
      ...(port !== undefined && { port }),
      ...(jump !== undefined && { jump }),
    },
    setup,
    node,
    tensorflow: file.tensorflow ?? null,
    slices: pilots.slices,
    marginSeconds: durationSeconds(pilots.margin),
    brokerWaitSeconds: durationSeconds(pilots.broker_wait),
    broker: brokerPlacement(broker),
    sge: {
      project: sge.project ?? null,
      parallelEnvironment: sge.parallel_environment ?? null,
      gpuResource: sge.gpu_resource,
      gpuRule: sge.gpu_rule,
      directives: sge.directives,
      pollSeconds: durationSeconds(sge.poll),
    },
  };
}

function brokerPlacement(file: z.infer<typeof BrokerFile>): BrokerPlacement {
  const { placement, host, port } = file;
  return {
    placement,
    redisServer: file.redis_server ?? null,
    interface: file.interface ?? null,
    walltimeSeconds: walltimeSeconds(file.walltime),
    directives: file.directives,
    url:
      placement === "url" && host !== undefined && port !== undefined
        ? { host, port, passwordFile: file.password_file ?? null }
        : null,
  };
}
