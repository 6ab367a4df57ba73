import { homedir, hostname, userInfo } from "node:os";
import path from "node:path";
import { Failure } from "../../worker/contract/failure.ts";
import { expandHome, readHostOptions } from "./config-file.ts";
import { ConfigOptions } from "./config-options.ts";
import { expandTokens, parseJumps, type Tokens } from "./config-values.ts";

export const SSH_METHODS = ["publickey", "keyboard-interactive", "password"] as const;
export type SshMethod = (typeof SSH_METHODS)[number];

/** How one machine is reached, with all that OpenSSH's configuration says of it applied. */
export interface HostSettings {
  /** The name that the user gave. */
  name: string;
  /** What is connected to: a name for DNS, or an address. */
  host: string;
  port: number;
  user: string;
  /** Machines passed through, in their order. */
  jumps: HostSettings[];
  /** Private keys, the first tried first; those that do not exist are passed over. */
  identityFiles: string[];
  /** Offer only keys of `identityFiles`, whatever else the agent holds. */
  identitiesOnly: boolean;
  /** Socket of the ssh-agent. */
  agentSocket: string | null;
  /** Files of accepted host keys; the first is the one that is added to. */
  userKnownHosts: string[];
  globalKnownHosts: string[];
  /** The name that known-hosts files have, in place of the host and its port. */
  hostKeyAlias: string | null;
  /** Never ask about an unknown host key: refuse it. */
  strictHostKeys: boolean;
  connectTimeoutSeconds: number;
  keepAliveSeconds: number;
  /** So many unanswered in a row end the connection. */
  keepAliveCount: number;
  /** Ways to authenticate, the first tried first. */
  methods: SshMethod[];
}

export interface HostQuery {
  host: string;
  user?: string;
  port?: number;
  /** As `ProxyJump`: hops with commas between them, or `none`. */
  jump?: string;
  /** Read in place of the user's and the system's own. */
  configFile?: string;
}

const SSH_PORT = 22;
const CONNECT_SECONDS = 20;
const KEEP_ALIVE_SECONDS = 15;
const KEEP_ALIVE_COUNT = 3;
const DEFAULT_KEYS = ["~/.ssh/id_ed25519", "~/.ssh/id_ecdsa", "~/.ssh/id_rsa"];

/**
 * What OpenSSH's configuration says of a host, with `~` and `%` written out. What the query gives
 * goes first. Throws Failure `ssh-unreachable` that names an option we do not support.
 */
export function hostSettings(query: HostQuery): HostSettings {
  return resolveHost(query, []);
}

/** `behind`: the hosts that this one is a jump host for, so that a circle is found. */
function resolveHost(query: HostQuery, behind: readonly string[]): HostSettings {
  const { host, configFile } = query;
  const files =
    configFile === undefined
      ? [path.join(homedir(), ".ssh", "config"), "/etc/ssh/ssh_config"]
      : [configFile];
  const options = new ConfigOptions(readHostOptions(files, { host, user: query.user }), host);
  const user = query.user ?? options.text("user") ?? userInfo().username;
  const port = query.port ?? options.number("port") ?? SSH_PORT;
  const hostName = expandTokens(options.text("hostname") ?? host, { h: host });
  const tokens: Tokens = {
    h: hostName,
    n: host,
    p: String(port),
    r: user,
    u: userInfo().username,
    i: String(userInfo().uid),
    d: homedir(),
    l: hostname(),
    L: hostname().split(".")[0] ?? "",
  };
  return {
    name: host,
    host: hostName,
    port,
    user,
    jumps: jumpHosts(query.jump ?? options.text("proxyjump") ?? "none", query, behind),
    ...keySettings(options, tokens),
    ...knownHostsSettings(options, tokens),
    connectTimeoutSeconds: options.number("connecttimeout") ?? CONNECT_SECONDS,
    // OpenSSH's default of none would leave a command waiting on a line that is down.
    keepAliveSeconds: options.number("serveraliveinterval") ?? KEEP_ALIVE_SECONDS,
    keepAliveCount: options.number("serveralivecountmax") ?? KEEP_ALIVE_COUNT,
    methods: methodsOf(options),
  };
}

/**
 * The hosts of a ProxyJump, each with its own configuration. As with OpenSSH the first of them may
 * be behind further ones by that configuration, the others are reached through the one before.
 */
function jumpHosts(
  jump: string,
  { host, configFile }: HostQuery,
  behind: readonly string[],
): HostSettings[] {
  const chain = [...behind, host];
  return parseJumps(jump).flatMap((hop, index) => {
    if (chain.includes(hop.host)) {
      throw new Failure({
        reason: "ssh-unreachable",
        message: `${host}: its jump hosts go round in a circle: ${[...chain, hop.host].join(", ")}`,
        remedy: `correct ProxyJump in ~/.ssh/config: \`ProxyJump none\` for ${hop.host}`,
      });
    }
    const query = { ...hop, ...(configFile !== undefined && { configFile }) };
    const settings = resolveHost(index === 0 ? query : { ...query, jump: "none" }, chain);
    return [...settings.jumps, { ...settings, jumps: [] }];
  });
}

function keySettings(options: ConfigOptions, tokens: Tokens) {
  const configured = options.list("identityfile");
  const files = configured.length > 0 ? configured : DEFAULT_KEYS;
  const agent = options.text("identityagent") ?? "SSH_AUTH_SOCK";
  return {
    identityFiles: files.filter(isNotNone).map((file) => configuredPath(file, tokens)),
    identitiesOnly: options.isOn("identitiesonly"),
    agentSocket: agentSocket(agent, tokens),
  };
}

/** `IdentityAgent`: a path, `none`, or the name of the variable that holds the path. */
function agentSocket(agent: string, tokens: Tokens): string | null {
  if (!isNotNone(agent)) return null;
  if (agent !== "SSH_AUTH_SOCK" && !agent.startsWith("$")) return configuredPath(agent, tokens);
  return process.env[agent.replace(/^\$\{?(\w+)\}?$/, "$1")] || null;
}

function knownHostsSettings(options: ConfigOptions, tokens: Tokens) {
  const files = (name: "userknownhostsfile" | "globalknownhostsfile", defaults: string[]) => {
    const configured = options.words(name);
    const chosen = configured.length > 0 ? configured : defaults;
    return chosen.filter(isNotNone).map((file) => configuredPath(file, tokens));
  };
  return {
    userKnownHosts: files("userknownhostsfile", ["~/.ssh/known_hosts", "~/.ssh/known_hosts2"]),
    globalKnownHosts: files("globalknownhostsfile", [
      "/etc/ssh/ssh_known_hosts",
      "/etc/ssh/ssh_known_hosts2",
    ]),
    hostKeyAlias: options.text("hostkeyalias"),
    // Never weaker than asking, whatever is configured: what we send holds people's work.
    strictHostKeys: options.isOn("stricthostkeychecking") || options.isOn("batchmode"),
  };
}

function methodsOf(options: ConfigOptions): SshMethod[] {
  const preferred = options.text("preferredauthentications")?.split(",") ?? SSH_METHODS;
  const off = new Set<string>();
  if (options.isOff("pubkeyauthentication")) off.add("publickey");
  if (options.isOff("passwordauthentication")) off.add("password");
  const interactive = ["kbdinteractiveauthentication", "challengeresponseauthentication"] as const;
  if (interactive.some((name) => options.isOff(name))) off.add("keyboard-interactive");
  if (options.isOn("batchmode")) off.add("password").add("keyboard-interactive");
  const methods = preferred.flatMap(
    (name) => SSH_METHODS.find((method) => method === name.trim() && !off.has(method)) ?? [],
  );
  if (methods.length > 0) return methods;
  throw options.unsupported(`only authentication by ${preferred.join(", ")}`);
}

function configuredPath(text: string, tokens: Tokens): string {
  return path.resolve(expandHome(expandTokens(text, tokens)));
}

function isNotNone(value: string): boolean {
  return value.toLowerCase() !== "none";
}
