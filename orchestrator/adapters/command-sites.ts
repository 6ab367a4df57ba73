import type { RemoteHost } from "../ports/remote-host.ts";
import type { OpenSite, Sites } from "../ports/sites.ts";
import type { SiteInputs } from "../sweep/find-inputs.ts";
import type { Site } from "../sweep/find-site.ts";
import type { ClusterSite } from "../sweep/site-config.ts";
import { localSite } from "./local-site.ts";
import type { RemoteSite } from "./remote-site.ts";

export interface CommandSitesOptions {
  /** Opens the one connection of a command to a cluster. */
  connect: (site: ClusterSite) => Promise<RemoteHost>;
  note: (line: string) => void;
}

/**
 * The sites of one command of this process: at most one connection to each. Only a command that
 * opens a cluster loads what that takes.
 */
export class CommandSites implements Sites {
  readonly #options: CommandSitesOptions;
  readonly #remote = new Map<string, Promise<RemoteSite>>();

  constructor(options: CommandSitesOptions) {
    this.#options = options;
  }

  async open(site: Site): Promise<OpenSite> {
    return site.scheduler === "local" ? localSite(site.root) : this.#connected(site);
  }

  async lazily(site: Site): Promise<SiteInputs> {
    if (site.scheduler === "local") return localSite(site.root);
    return {
      root: site.root,
      modelDigest: async (folder) => (await this.#connected(site)).modelDigest(folder),
      datasetDigest: async (query) => (await this.#connected(site)).datasetDigest(query),
      encodedShape: async (model) => (await this.#connected(site)).encodedShape(model),
      countImages: async (query) => (await this.#connected(site)).countImages(query),
    };
  }

  /** Ends all connections. */
  async close(): Promise<void> {
    for (const opening of this.#remote.values()) {
      const site = await opening.catch(() => null);
      await site?.close();
    }
  }

  #connected(site: ClusterSite & { name: string }): Promise<RemoteSite> {
    const known = this.#remote.get(site.name) ?? this.#open(site);
    this.#remote.set(site.name, known);
    return known;
  }

  async #open(site: ClusterSite & { name: string }): Promise<RemoteSite> {
    const { RemoteSite } = await import("./remote-site.ts");
    const host = await this.#options.connect(site);
    try {
      return await RemoteSite.open(site, host, this.#options);
    } catch (error) {
      await host.close();
      throw error;
    }
  }
}
