import { randomBytes } from "node:crypto";
import { Failure } from "../../worker/contract/failure.ts";
import type { RemoteHost } from "../ports/remote-host.ts";
import { gridScript } from "../sge/grid-script.ts";
import { shellLine } from "../ssh/shell-words.ts";
import type { ResourceRequest } from "../sweep/arm.ts";
import type { ClusterSite } from "../sweep/site-config.ts";
import { walltimeText } from "../sweep/walltime.ts";
import { probeScript } from "./probe-script.ts";
import { resolveRoot } from "./remote-root.ts";
import { problem, type SiteCheck } from "./site-check.ts";
import { siteChecks } from "./site-checks.ts";

/** All commands of a probe together; a qmaster that hangs is waited for several times. */
const PROBE_SECONDS = 600;
const MAX_BYTES = 8 << 20;

/**
 * Checks all that a cluster must offer for a request, in one round trip, and changes nothing there.
 * Throws Failure `ssh-lost`.
 */
export async function checkSite(
  host: RemoteHost,
  site: ClusterSite & { name: string },
  request: ResourceRequest,
): Promise<SiteCheck[]> {
  const root = await resolveRoot(host, site);
  const requests = [
    { name: "pilot", request, directives: site.sge.directives },
    ...(site.broker.placement === "job" ? [brokerRequest(site)] : []),
  ];
  const unwritable: SiteCheck[] = [];
  const verify = requests.flatMap(({ name, ...asked }) => {
    try {
      return [{ name, script: requestScript(site, { root, ...asked }) }];
    } catch (error) {
      if (!(error instanceof Failure)) throw error;
      unwritable.push(problem(`request of a ${name}`, error.message, error.remedy));
      return [];
    }
  });
  const nonce = randomBytes(8).toString("hex");
  const script = probeScript({ site, root, verify, nonce });
  const { stdout, stderr } = await host.run(`exec ${shellLine(["bash", "-lc", script])}`, {
    timeoutSeconds: PROBE_SECONDS,
    maxBytes: MAX_BYTES,
  });
  const written = requests.filter(({ name }) => verify.some((each) => each.name === name));
  const checks = siteChecks({
    site,
    root,
    through: host.through,
    requests: written,
    nonce,
    stdout,
    stderr,
  });
  return [...checks, ...unwritable];
}

function brokerRequest({ broker }: ClusterSite) {
  const walltime = walltimeText(broker.walltimeSeconds);
  return {
    name: "broker",
    request: { gpus: 0, slots: 1, walltime },
    directives: broker.directives,
  };
}

interface Asked {
  root: string;
  request: ResourceRequest;
  directives: readonly string[];
}

/** The options of a real submission; what it would run is not looked at. */
function requestScript(site: ClusterSite, { root, request, directives }: Asked): string {
  return gridScript({
    array: {
      program: "pilot",
      token: "00000000",
      label: "check",
      directory: root,
      logs: root,
      request,
      atOnce: 1,
      slices: 1,
      command: [],
      environment: {},
      directives,
    },
    site,
    body: "",
  });
}
