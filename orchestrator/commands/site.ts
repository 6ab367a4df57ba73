import type { Command } from "commander";
import { Failure } from "../../worker/contract/failure.ts";
import { renderChecks } from "../output/check-list.ts";
import type { Answer, Output } from "../output/output.ts";
import type { RemoteHost } from "../ports/remote-host.ts";
import { checkSite } from "../site/check-site.ts";
import { setUpSite } from "../site/set-up-site.ts";
import { ok, problem, type SiteCheck } from "../site/site-check.ts";
import type { ResourceRequest } from "../sweep/arm.ts";
import type { Site } from "../sweep/find-site.ts";
import type { ClusterSite } from "../sweep/site-config.ts";
import { walltimeSeconds, walltimeText } from "../sweep/walltime.ts";
import { withExample, withJson } from "./command-options.ts";

export interface SitePorts {
  /** Throws Failure `site-invalid`. */
  findSite: (name: string) => Promise<Site>;
  /** The one connection of the command; throws the failures of SSH. */
  connect: (site: ClusterSite) => Promise<RemoteHost>;
}

type NamedCluster = ClusterSite & { name: string };

/** Adds `site check NAME` and `site setup NAME`. Both exit with 1 where there is a problem. */
export function registerSiteCommand(program: Command, output: Output, ports: SitePorts): void {
  const site = program
    .command("site")
    .description("look at a cluster, or make it ready for sweeps");
  const check = site
    .command("check <name>")
    .description("look whether a cluster offers all that sweeps need; changes nothing there")
    .action(async (name: string, options: RequestOptions) => {
      const request = requestOf(options);
      await withHost(await clusterNamed(name, ports), ports, output, async (host, cluster) => {
        return checkSite(host, cluster, request);
      });
    });
  withRequest(withJson(withExample(check, "qsweep site check scc")));
  const setup = site
    .command("setup <name>")
    .description("check a cluster, bring our programs there, and prove them in a short grid job")
    .action(async (name: string, options: RequestOptions) => {
      const request = requestOf(options);
      await withHost(await clusterNamed(name, ports), ports, output, async (host, cluster) => {
        const checks = await checkSite(host, cluster, request);
        if (hasProblem(checks)) return checks;
        const how = { checks, request, note: (line: string) => output.note(line) };
        return [...checks, ...(await setUpSite(host, cluster, how))];
      });
    });
  withRequest(withJson(withExample(setup, "qsweep site setup scc")));
}

interface RequestOptions {
  gpus: number;
  slots: number;
  walltime: string;
}

function withRequest(command: Command): Command {
  return command
    .option("--gpus <count>", "GPUs that a pilot will ask for", wholeNumber(0), 1)
    .option("--slots <count>", "slots that it will ask for", wholeNumber(1), 4)
    .option("--walltime <time>", "its walltime, as hours:minutes:seconds", "12:00:00");
}

function wholeNumber(least: number): (text: string) => number {
  return (text) => {
    const value = Number(text);
    if (Number.isInteger(value) && value >= least) return value;
    throw usage(`${text} is not a whole number of at least ${least}`);
  };
}

function requestOf({ gpus, slots, walltime }: RequestOptions): ResourceRequest {
  if (!/^\d{1,4}:[0-5]\d:[0-5]\d$/.test(walltime)) throw usage(`${walltime} is not a walltime`);
  return { gpus, slots, walltime: walltimeText(walltimeSeconds(walltime)) };
}

function usage(message: string): Failure {
  return new Failure({ reason: "usage", message, remedy: "See `qsweep site check --help`." });
}

async function clusterNamed(name: string, { findSite }: SitePorts): Promise<NamedCluster> {
  const site = await findSite(name);
  if (site.scheduler === "sge") return site;
  throw new Failure({
    reason: "usage",
    message: `site ${name} is this machine: there is nothing to set up`,
    remedy: "Launch a sweep on it: `qsweep launch configs/sweeps/demo.yaml`.",
  });
}

/** Connects, has the host looked at, and shows what was found; not to connect is a problem too. */
async function withHost(
  site: NamedCluster,
  { connect }: SitePorts,
  output: Output,
  look: (host: RemoteHost, site: NamedCluster) => Promise<SiteCheck[]>,
): Promise<void> {
  let host: RemoteHost;
  try {
    host = await connect(site);
  } catch (error) {
    if (!(error instanceof Failure) || !error.reason.startsWith("ssh-")) throw error;
    return show([problem("connection", error.message, error.remedy)], output);
  }
  try {
    const through = host.through.length === 0 ? "" : ` through ${host.through.join(", ")}`;
    const connection = ok("connection", `${host.user}@${host.name}${through}`);
    show([connection, ...(await look(host, site))], output);
  } finally {
    await host.close();
  }
}

function show(checks: SiteCheck[], output: Output): void {
  const answer: Answer = { value: checks, text: (style) => renderChecks(checks, style) };
  output.show(answer);
  if (hasProblem(checks)) process.exitCode = 1;
}

function hasProblem(checks: readonly SiteCheck[]): boolean {
  return checks.some(({ status }) => status === "problem");
}
