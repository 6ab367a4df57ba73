import type { Site } from "../sweep/find-site.ts";

/** What every program of the worker is told of its site, as options of `worker/main.ts`. */
export function siteOptions(site: Site): string[] {
  const words = ["--root", site.root, "--lease-seconds", String(site.leaseSeconds)];
  if (site.scheduler === "local") {
    return [...words, "--placement", "here", ...option("--redis-server", site.redisServer ?? null)];
  }
  const { placement, redisServer, url, interface: network } = site.broker;
  return [
    ...words,
    "--placement",
    placement,
    ...option("--redis-server", redisServer),
    ...option("--interface", network),
    ...option("--broker-host", url?.host ?? null),
    ...option("--broker-port", url ? String(url.port) : null),
    ...option("--password-file", url?.passwordFile ?? null),
  ];
}

/** What our programs need of their environment on a cluster: one cache for all its hosts. */
export function clusterEnvironment(root: string): Record<string, string> {
  return { QSWEEP_CACHE: `${root}/cache` };
}

function option(name: string, value: string | null): string[] {
  return value === null ? [] : [name, value];
}
