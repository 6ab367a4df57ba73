import { z } from "zod";

/** Where a site's broker is, and who starts it. */
export interface BrokerSettings {
  root: string;
  /** Silence while the broker was away supersedes nothing for this long after its start. */
  leaseSeconds: number;
  /**
   * `here`: whoever misses it starts it on this machine's loopback. `login`: `prepare` does, on the
   * login host. `job`: its own grid job does (`runBroker`). `url`: it exists already.
   */
  placement: Placement;
  /** A configured redis-server; otherwise one is looked for. */
  redisServer?: string;
  /** Network interface, or address of one, that compute nodes reach; see `listenAddress`. */
  interface?: string;
  /** For placement `url`. */
  url?: { host: string; port: number; passwordFile?: string };
  /** How long to wait for a broker that others start. */
  waitSeconds?: number;
  /** Aborted when the caller is to leave: nothing is waited for any more. */
  leaving?: AbortSignal;
  /** Told what does not hold up the broker, and somebody should know. */
  log?: (line: string) => void;
}

const Placement = z.enum(["here", "job", "login", "url"]);
type Placement = z.infer<typeof Placement>;

const Options = z.object({
  root: z.string(),
  "lease-seconds": z.coerce.number().positive(),
  placement: Placement,
  "redis-server": z.string().optional(),
  interface: z.string().optional(),
  "broker-host": z.string().optional(),
  "broker-port": z.coerce.number().int().positive().optional(),
  "password-file": z.string().optional(),
});

/** The settings as `worker/main.ts` is given them; a wrong option is a bug of the caller. */
export function brokerSettings(options: Readonly<Record<string, unknown>>): BrokerSettings {
  const values = Options.parse(options);
  const { "redis-server": redisServer, interface: network, "password-file": passwordFile } = values;
  const { "broker-host": host, "broker-port": port } = values;
  const hasUrl = host !== undefined && port !== undefined;
  return {
    root: values.root,
    leaseSeconds: values["lease-seconds"],
    placement: values.placement,
    ...(redisServer !== undefined && { redisServer }),
    ...(network !== undefined && { interface: network }),
    ...(hasUrl && { url: { host, port, ...(passwordFile !== undefined && { passwordFile }) } }),
  };
}
