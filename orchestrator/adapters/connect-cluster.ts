import type { RemoteHost } from "../ports/remote-host.ts";
import type { ClusterSite } from "../sweep/site-config.ts";

export interface ConnectOptions {
  note: (line: string) => void;
}

/**
 * Opens a cluster's login host as the site's file and the user's ssh configuration say; another
 * configuration may be named in QSWEEP_SSH_CONFIG. Only a command that connects loads the client.
 */
export async function connectCluster(
  { ssh }: ClusterSite,
  { note }: ConnectOptions,
): Promise<RemoteHost> {
  const { hostSettings } = await import("../ssh/host-settings.ts");
  const { openSsh } = await import("../ssh/ssh-connection.ts");
  const { commandPrompter } = await import("../ssh/terminal-prompter.ts");
  const configFile = process.env["QSWEEP_SSH_CONFIG"];
  const settings = hostSettings({ ...ssh, ...(configFile !== undefined && { configFile }) });
  return openSsh(settings, { prompter: commandPrompter(), note });
}
