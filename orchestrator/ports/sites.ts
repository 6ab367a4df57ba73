import type { SiteInputs, Upload } from "../sweep/find-inputs.ts";
import type { Site } from "../sweep/find-site.ts";
import type { LaunchSite } from "./launch-site.ts";
import type { SweepAccess } from "./sweep-access.ts";

/** A site that a command has opened; closed with the command. */
export interface OpenSite extends SiteInputs {
  launchSite(): LaunchSite;
  access(sweep: string): SweepAccess;
  /**
   * Brings folders of this machine to the site, each whole or not at all, unless they are there.
   * Returns how many were sent.
   */
  upload(folders: readonly Upload[]): Promise<number>;
}

/** The sites of one command: each is opened once, when it is first asked for. */
export interface Sites {
  open(site: Site): Promise<OpenSite>;
  /** The same, but connecting only once the site is asked something. */
  lazily(site: Site): Promise<SiteInputs>;
}
