import type { ResourceRequest } from "../sweep/arm.ts";
import type { ClusterSite } from "../sweep/site-config.ts";
import { engineChecks } from "./engine-checks.ts";
import { gridChecks } from "./grid-checks.ts";
import { loginChecks } from "./login-checks.ts";
import { readSections } from "./probe-sections.ts";
import { ok, problem, type SiteCheck } from "./site-check.ts";
import { storageChecks } from "./storage-checks.ts";

export interface ProbeAnswer {
  site: ClusterSite;
  root: string;
  /** Jump hosts on the way there. */
  through: readonly string[];
  /** What the verified scripts ask for, by the name of their sections. */
  requests: readonly { name: string; request: ResourceRequest }[];
  nonce: string;
  stdout: string;
  stderr: string;
}

/** Everything that a probe says about a site, in the order in which a user would mend it. */
export function siteChecks({
  site,
  root,
  through,
  requests,
  nonce,
  stdout,
  stderr,
}: ProbeAnswer): SiteCheck[] {
  const sections = readSections(stdout, nonce);
  if (sections.size === 0) {
    const said = stderr.trim().split("\n").at(-1) ?? "";
    return [
      problem(
        "shell",
        `a login shell of bash runs nothing there${said === "" ? "" : `: ${said}`}`,
        "See that the login shell's profile does not end it: `ssh HOST bash -lc true` must work.",
      ),
    ];
  }
  return [
    ok("shell", "bash runs our commands"),
    ...loginChecks(sections, site),
    ...gridChecks(sections, site, requests),
    ...storageChecks(sections, root),
    ...engineChecks(sections, site),
    ok(
      "forwarding",
      through.length === 0
        ? "not needed: commands run on the login host"
        : `${through.join(", ")} forwards to the login host`,
    ),
  ];
}
