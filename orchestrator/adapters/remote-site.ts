import { randomBytes } from "node:crypto";
import path from "node:path";
import { AgentClient } from "../agent/agent-client.ts";
import type { LaunchSite } from "../ports/launch-site.ts";
import type { RemoteHost } from "../ports/remote-host.ts";
import type { OpenSite } from "../ports/sites.ts";
import type { SweepAccess } from "../ports/sweep-access.ts";
import { deployWorker } from "../site/deploy-worker.ts";
import { readSiteRecord } from "../site/site-record.ts";
import { sendFolder } from "../site/send-folder.ts";
import { resolveRoot } from "../site/remote-root.ts";
import { shellLine } from "../ssh/shell-words.ts";
import type { SiteInputs, Upload } from "../sweep/find-inputs.ts";
import type { ClusterSite } from "../sweep/site-config.ts";
import { clusterEnvironment } from "./site-options.ts";
import { RemoteSweepAccess } from "./remote-sweep-access.ts";

export interface RemoteSiteOptions {
  /** Told what a person may want to know meanwhile, a line at a time. */
  note: (line: string) => void;
}

interface RemoteSiteParts extends RemoteSiteOptions {
  site: ClusterSite & { name: string };
  host: RemoteHost;
  agent: AgentClient;
}

/** A cluster seen from here: one connection, and our agent at its other end. */
export class RemoteSite implements OpenSite {
  readonly site: ClusterSite & { name: string };
  readonly host: RemoteHost;
  readonly agent: AgentClient;

  readonly #note: (line: string) => void;

  private constructor({ site, host, agent, note }: RemoteSiteParts) {
    this.site = site;
    this.host = host;
    this.agent = agent;
    this.#note = note;
  }

  /** Brings our programs to the site where they are missing, and starts the agent. */
  static async open(
    unresolved: ClusterSite & { name: string },
    host: RemoteHost,
    { note }: RemoteSiteOptions,
  ): Promise<RemoteSite> {
    const site = { ...unresolved, root: await resolveRoot(host, unresolved) };
    const { directory } = await deployWorker(host, { root: site.root, onProgress: note });
    const nonce = randomBytes(8).toString("hex");
    const stream = await host.stream(agentScript(site, { worker: directory, nonce }));
    stream.stderr.on("data", (bytes: Buffer) => note(bytes.toString().trimEnd()));
    const agent = await AgentClient.greet(stream, { nonce, noise: () => {} });
    return new RemoteSite({ site, host, agent, note });
  }

  get root(): string {
    return this.site.root;
  }

  modelDigest(folder: Parameters<SiteInputs["modelDigest"]>[0]): Promise<string> {
    return this.agent.call("modelDigest", folder);
  }

  datasetDigest(
    query: Parameters<SiteInputs["datasetDigest"]>[0],
  ): Promise<Record<string, string>> {
    return this.agent.call("datasetDigest", query);
  }

  encodedShape(model: string): Promise<[number, number]> {
    return this.agent.call("encodedShape", model);
  }

  countImages(query: Parameters<SiteInputs["countImages"]>[0]): Promise<number> {
    return this.agent.call("countImages", query);
  }

  launchSite(): LaunchSite {
    const { agent, host, site } = this;
    return {
      // Asked first: nothing is sent or recorded at a site that was never set up.
      compare: async (sweep) => {
        await readSiteRecord(host, site);
        return agent.call("compare", sweep);
      },
      record: (sweep, options) => agent.call("record", sweep, options),
      prepare: (sweep) => agent.call("prepare", sweep),
      pools: (sweep) => agent.call("pools", sweep),
      submitPilots: (sweep, order) => agent.call("submitPilots", sweep, order),
      submitBroker: (sweep) => agent.call("submitBroker", sweep),
    };
  }

  access(sweep: string): SweepAccess {
    return new RemoteSweepAccess(this, sweep);
  }

  async upload(folders: readonly Upload[]): Promise<number> {
    let sent = 0;
    for (const { from, to } of folders) {
      if (await sendFolder(this.host, { from, to, onProgress: this.#note })) sent += 1;
    }
    return sent;
  }

  async close(): Promise<void> {
    this.agent.close();
    await this.host.close();
  }
}

/** The set-up lines need a login shell's functions, such as `module`. */
function agentScript(
  site: ClusterSite & { name: string },
  { worker, nonce }: { worker: string; nonce: string },
): string {
  const variables = Object.entries(clusterEnvironment(site.root)).map(
    ([name, value]) => `export ${name}=${shellLine([value])}`,
  );
  const program = path.posix.join(worker, "dist", "orchestrator", "agent.js");
  const start = `exec ${shellLine([site.node, program, nonce, JSON.stringify(site)])}`;
  return `exec ${shellLine(["bash", "-lc", [...site.setup, ...variables, start].join("\n")])}`;
}
