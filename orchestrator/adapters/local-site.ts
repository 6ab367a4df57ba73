import type { LaunchSite } from "../ports/launch-site.ts";
import type { OpenSite } from "../ports/sites.ts";
import type { SweepAccess } from "../ports/sweep-access.ts";
import { localInputs, type SiteInputs } from "../sweep/find-inputs.ts";
import { LocalScheduler } from "./local-scheduler.ts";
import { LocalSweepAccess } from "./local-sweep-access.ts";
import { SiteLaunch } from "./site-launch.ts";

/** This machine as a site. */
export function localSite(root: string): OpenSite {
  return {
    ...localInputs(root),
    launchSite: (): LaunchSite => new SiteLaunch(new LocalScheduler(root)),
    access: (sweep): SweepAccess => new LocalSweepAccess(root, sweep),
    upload: async () => 0,
  } satisfies SiteInputs & OpenSite;
}
