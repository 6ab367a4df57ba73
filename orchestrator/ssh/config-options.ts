import { Failure } from "../../worker/contract/failure.ts";
import type { HostOptions } from "./config-file.ts";

/** Options of OpenSSH's client, in lower case, that decide how we connect. */
export const FOLLOWED = [
  "batchmode",
  "challengeresponseauthentication",
  "connecttimeout",
  "globalknownhostsfile",
  "hostkeyalias",
  "hostname",
  "identitiesonly",
  "identityagent",
  "identityfile",
  "kbdinteractiveauthentication",
  "passwordauthentication",
  "port",
  "preferredauthentications",
  "proxyjump",
  "pubkeyauthentication",
  "serveralivecountmax",
  "serveraliveinterval",
  "stricthostkeychecking",
  "user",
  "userknownhostsfile",
] as const;

/**
 * Options that would lead elsewhere, or make another proof of identity, and that we do not support.
 * Those that only choose ciphers, forward ports or set up sessions are passed over.
 */
export const REFUSED = [
  "bindaddress",
  "bindinterface",
  "canonicalizehostname",
  "certificatefile",
  "knownhostscommand",
  "pkcs11provider",
  "proxycommand",
] as const;

type Followed = (typeof FOLLOWED)[number];

/** What the configuration says of one host, by the options that we follow. */
export class ConfigOptions {
  readonly #options: HostOptions;
  readonly #host: string;

  /** Throws Failure `ssh-unreachable` for an option that we do not support. */
  constructor(options: HostOptions, host: string) {
    this.#options = options;
    this.#host = host;
    for (const name of REFUSED) {
      const value = [options[name] ?? "none"].flat().join(" ");
      if (!/^(?:none|no)$/i.test(value)) throw this.unsupported(`\`${name} ${value}\``);
    }
  }

  text(name: Followed): string | null {
    return this.list(name)[0] ?? null;
  }

  /** Several values in one line, with blanks between them. */
  words(name: Followed): string[] {
    return this.list(name).flatMap((value) => value.split(/\s+/));
  }

  list(name: Followed): string[] {
    return [this.#options[name] ?? []].flat();
  }

  /** Seconds, a port or a count. */
  number(name: Followed): number | null {
    const text = this.text(name);
    if (text === null || text === "none") return null;
    if (/^\d{1,6}$/.test(text)) return Number(text);
    throw this.unsupported(`\`${name} ${text}\``);
  }

  isOn(name: Followed): boolean {
    return /^(?:yes|true)$/i.test(this.text(name) ?? "");
  }

  isOff(name: Followed): boolean {
    return /^(?:no|false)$/i.test(this.text(name) ?? "");
  }

  unsupported(what: string): Failure {
    return new Failure({
      reason: "ssh-unreachable",
      message: `${this.#host}: the ssh configuration asks for ${what}, which qsweep does not support`,
      remedy: `give ${this.#host} other options in a file that QSWEEP_SSH_CONFIG names`,
    });
  }
}
