import path from "node:path";
import { Failure } from "../../worker/contract/failure.ts";
import type { RemoteHost } from "../ports/remote-host.ts";
import type { ClusterSite } from "../sweep/site-config.ts";

/**
 * A site's root directory as an absolute, normalised path: `{user}` is the login name, `~` the home
 * directory there. Throws Failure `site-invalid` where the result is not absolute.
 */
export async function resolveRoot(
  host: Pick<RemoteHost, "user" | "name" | "run">,
  { root }: Pick<ClusterSite, "root">,
): Promise<string> {
  const home = /^~(?:\/|$)/.test(root) ? await homeDirectory(host) : null;
  return expandRoot(root, { user: host.user, home });
}

/** As `resolveRoot`, with what the far side said; the home is only needed where `~` stands. */
export function expandRoot(
  root: string,
  { user, home }: { user: string; home: string | null },
): string {
  const named = root.replaceAll("{user}", user).replace(/^~(?=\/|$)/, home ?? "~");
  const unknown = /\{[^}]*\}/.exec(named)?.[0];
  if (unknown !== undefined) throw wrongRoot(root, `${unknown} stands for nothing`);
  if (!path.posix.isAbsolute(named)) throw wrongRoot(root, "it is not absolute");
  const normal = path.posix.normalize(named);
  return normal.length > 1 ? normal.replace(/\/$/, "") : normal;
}

async function homeDirectory(host: Pick<RemoteHost, "name" | "run">): Promise<string> {
  const { stdout } = await host.run(`printf '%s' "$HOME"`, { timeoutSeconds: 60, maxBytes: 4096 });
  if (path.posix.isAbsolute(stdout)) return stdout;
  throw new Failure({
    reason: "site-invalid",
    message: `${host.name} names no home directory for ~`,
    remedy: "Give the site's root as an absolute path.",
  });
}

function wrongRoot(root: string, problem: string): Failure {
  return new Failure({
    reason: "site-invalid",
    message: `the site's root "${root}" is of no use: ${problem}`,
    remedy: "Give an absolute path on the cluster; ~/ and {user} stand for home and login name.",
  });
}
