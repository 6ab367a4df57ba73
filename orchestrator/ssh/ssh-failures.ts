import { Failure } from "../../worker/contract/failure.ts";
import { errorCode } from "../../worker/files/error-code.ts";
import type { HostSettings } from "./host-settings.ts";

/** What happens to connections, as ssh2 and Node say it, in one place. */
const NEVER_ANSWERED = /Connection lost before handshake|ECONNRESET|socket hang up/;
const FORWARDING_REFUSED = /Channel open failure/;
const NO_AGREEMENT = /no matching (.+)$/i;
const TOO_MANY_KEYS = /Too many authentication failures/;

/** Whether a server that lets only some in at a time may have hung up, before anything was sent. */
export function isBusyServer(error: unknown): boolean {
  return NEVER_ANSWERED.test(errorText(error));
}

/** A connection that did not come about; `via` is the machine before this one. */
export function connectFailure(
  error: unknown,
  { settings, via }: { settings: HostSettings; via: string | null },
): Failure {
  const text = errorText(error);
  const where = `${target(settings)}${via === null ? "" : `, through ${via}`}`;
  const unreachable = (what: string, remedy: string) =>
    new Failure({ reason: "ssh-unreachable", message: `${where}: ${what}`, remedy, cause: error });
  const code = errorCode(error);
  if (code === "ENOTFOUND" || code === "EAI_AGAIN") {
    const remedy = "check the name in the site file and in ~/.ssh/config, and the network";
    return unreachable("no address is known for this name", remedy);
  }
  if (code === "ECONNREFUSED") {
    return unreachable("connection refused", "check the port, and that the SSH server runs");
  }
  if (code === "EHOSTUNREACH" || code === "ENETUNREACH") {
    return unreachable("no route to the machine", "check the network, and whether a VPN is needed");
  }
  if (code === "ETIMEDOUT") return timedOut(settings, via);
  if (via !== null && FORWARDING_REFUSED.test(text)) {
    const remedy = `check the name and port, and that ${via} allows TCP forwarding`;
    return unreachable(`the jump host did not connect (${text})`, remedy);
  }
  if (TOO_MANY_KEYS.test(text)) {
    const remedy = "name the right key: IdentityFile, and IdentitiesOnly yes, in ~/.ssh/config";
    return new Failure({
      reason: "ssh-authentication",
      message: `${where}: too many keys were offered`,
      remedy,
      cause: error,
    });
  }
  const disagreed = NO_AGREEMENT.exec(text)?.[1];
  if (disagreed !== undefined) {
    return unreachable(`no ${disagreed} in common`, "the server is too old, or no SSH server");
  }
  if (isBusyServer(error)) {
    const remedy = "the server may have too many logins at once: try again in a minute";
    return unreachable("the server hung up before it said who it is", remedy);
  }
  return unreachable(text, `try \`ssh ${settings.name}\`: it shows more`);
}

export function timedOut(settings: HostSettings, via: string | null): Failure {
  const through = via === null ? "" : `, through ${via}`;
  return new Failure({
    reason: "ssh-unreachable",
    message: `${target(settings)}${through}: no answer in ${settings.connectTimeoutSeconds} s`,
    remedy: "check the network, whether a VPN is needed, and ConnectTimeout in ~/.ssh/config",
  });
}

/** A connection that was there and is not: what was under way may or may not have happened. */
export function lost(name: string, what: string, cause?: unknown): Failure {
  return new Failure({
    reason: "ssh-lost",
    message: `${name}: ${what}; whether it took effect is unknown`,
    remedy: "run the command again: it finds out what was done",
    cause,
  });
}

export function authenticationFailure(message: string, remedy: string): Failure {
  return new Failure({ reason: "ssh-authentication", message, remedy });
}

/** `user@host:port`, as messages name a machine; its address too where that differs. */
function target({ name, host, port }: HostSettings): string {
  const address = port === 22 ? host : `${host}:${port}`;
  return name === address ? name : `${name} (${address})`;
}

/** An error's own words, on one line. */
export function errorText(error: unknown): string {
  const text = error instanceof Error ? error.message : String(error);
  return text.replaceAll(/\s+/g, " ").trim();
}
