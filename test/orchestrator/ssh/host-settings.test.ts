// What OpenSSH itself makes of a configuration, by `ssh -G`, is what is expected.
import { execFileSync } from "node:child_process";
import { existsSync } from "node:fs";
import { mkdir, mkdtemp, rm, writeFile } from "node:fs/promises";
import { tmpdir, userInfo } from "node:os";
import path from "node:path";
import { afterAll, afterEach, beforeAll, describe, expect, it, vi } from "vitest";
import { type HostQuery, hostSettings } from "../../../orchestrator/ssh/host-settings.ts";

const SSH = "/usr/bin/ssh";
let home: string;
beforeAll(async () => {
  home = await mkdtemp(path.join(tmpdir(), "qsweep-home-"));
  await mkdir(path.join(home, ".ssh", "more"), { recursive: true });
});
afterAll(() => rm(home, { recursive: true, force: true }));
afterEach(() => vi.unstubAllEnvs());

/** The settings by a configuration with this text. */
async function settingsBy(config: string, query: Partial<HostQuery> = {}) {
  vi.stubEnv("HOME", home);
  vi.stubEnv("SSH_AUTH_SOCK", "/run/agent");
  const configFile = path.join(home, ".ssh", "config");
  await writeFile(configFile, config, { mode: 0o600 });
  return hostSettings({ host: "cluster", configFile, ...query });
}

/** What `ssh -G` says of host `cluster`: several values of a name one after another. */
function opensshSays(name: string): string[] {
  const configFile = path.join(home, ".ssh", "config");
  const said = execFileSync(SSH, ["-G", "-F", configFile, "cluster"], { encoding: "utf8" });
  return said.split("\n").flatMap((line) => {
    const [key, ...values] = line.split(" ");
    return key === name ? [values.join(" ")] : [];
  });
}

const CONFIGS: [string, string][] = [
  ["nothing", ""],
  ["another host only", "Host elsewhere\n  User nobody\n  Port 1"],
  ["the first of two values", "Host clus*\n  User ada\nHost *\n  User eve\n  Port 2222"],
  ["a negated pattern", "Host * !cluster\n  User eve\nHost cluster\n  User ada"],
  ["small letters, tabs and equals signs", "host cluster\n\thostname=login.example\n\tport = 99"],
  ["%h in the name", "Host cluster\n  HostName %h.example.org"],
  ["comments and quotes", '# a comment\nHost "cluster"\n  User "ada" # and more\n'],
  ["a Match by name", "Match originalhost cluster\n  User ada\nMatch all\n  Port 2200"],
  ["a Match by user", "Host cluster\n  User ada\nMatch user ada\n  Port 2200"],
  ["what comes after an include", "Include more/*.conf\nUser late\nPort 77"],
  ["an include in a host's section", "Host cluster\n  Include more/one.conf\n  Port 78\nPort 79"],
  ["times to keep alive", "ServerAliveInterval 7\nServerAliveCountMax 2\nConnectTimeout 9"],
];

// OpenSSH is a program of the machine.
describe.skipIf(!existsSync(SSH))("agrees with OpenSSH on", () => {
  beforeAll(async () => {
    const more = (name: string) => path.join(home, ".ssh", "more", name);
    await writeFile(more("one.conf"), "User included\nHost elsewhere\n  HostName wrong.example\n");
    await writeFile(more("two.conf"), "Host cluster\n  HostName two.example\n");
    await writeFile(more("three.txt"), "HostName three.example\n");
  });

  it.each(CONFIGS)("%s", async (_what, config) => {
    const settings = await settingsBy(config);
    expect({
      host: [settings.host],
      port: [String(settings.port)],
      user: [settings.user],
    }).toEqual({
      host: opensshSays("hostname"),
      port: opensshSays("port"),
      user: opensshSays("user"),
    });
    const [alive, count, timeout] = [
      "serveraliveinterval",
      "serveralivecountmax",
      "connecttimeout",
    ];
    if (config.includes("Alive")) {
      expect([settings.keepAliveSeconds, settings.keepAliveCount]).toEqual(
        [alive, count].flatMap((name) => opensshSays(name ?? "").map(Number)),
      );
      expect(settings.connectTimeoutSeconds).toBe(Number(opensshSays(timeout ?? "")[0]));
    }
  });

  it("files with their tokens", async () => {
    const settings = await settingsBy(
      [
        "Host cluster",
        "  User ada",
        "  HostName login.example",
        "  IdentityFile /keys/%r@%h-%p-%n",
        "  IdentityFile %d/plain%%",
        "  IdentityAgent /agents/%u",
        "  UserKnownHostsFile /known/%h /known/more",
        "  GlobalKnownHostsFile none",
      ].join("\n"),
    );
    const written = ["/keys/ada@login.example-22-cluster", `${home}/plain%`];
    expect(settings.identityFiles).toEqual(written);
    expect(settings.agentSocket).toBe(`/agents/${userInfo().username}`);
    expect(settings.userKnownHosts).toEqual(["/known/login.example", "/known/more"]);
    expect(settings.globalKnownHosts).toEqual([]);
  });
});

describe("what decides how we connect", () => {
  it("what the query gives goes before the configuration", async () => {
    const config = "Host cluster\n  User ada\n  Port 2222\n  ProxyJump gateway";
    const settings = await settingsBy(config, { user: "eve", port: 23, jump: "none" });
    expect(settings).toMatchObject({ user: "eve", port: 23, jumps: [] });
  });

  it("keys, agent and known hosts are OpenSSH's where nothing is said", async () => {
    expect(await settingsBy("")).toMatchObject({
      identityFiles: ["id_ed25519", "id_ecdsa", "id_rsa"].map((name) => `${home}/.ssh/${name}`),
      identitiesOnly: false,
      agentSocket: "/run/agent",
      userKnownHosts: [`${home}/.ssh/known_hosts`, `${home}/.ssh/known_hosts2`],
      globalKnownHosts: ["/etc/ssh/ssh_known_hosts", "/etc/ssh/ssh_known_hosts2"],
      methods: ["publickey", "keyboard-interactive", "password"],
    });
  });

  it.each([
    ["none", null],
    ["SSH_AUTH_SOCK", "/run/agent"],
    ["$MY_AGENT", "/my/agent"],
    ["~/agent", "HOME/agent"],
  ])("IdentityAgent %s is %s", async (agent, expected) => {
    vi.stubEnv("MY_AGENT", "/my/agent");
    const { agentSocket } = await settingsBy(`IdentityAgent ${agent}`);
    expect(agentSocket).toBe(expected?.replace("HOME", home) ?? null);
  });

  it.each([
    ["yes", true],
    ["ask", false],
    ["accept-new", false],
    ["no", false],
  ])("StrictHostKeyChecking %s never lets an unknown host pass unasked", async (value, strict) => {
    const settings = await settingsBy(`StrictHostKeyChecking ${value}`);
    expect(settings.strictHostKeys).toBe(strict);
  });

  it.each([
    ["PreferredAuthentications password,publickey", ["password", "publickey"]],
    ["PasswordAuthentication no", ["publickey", "keyboard-interactive"]],
    ["PubkeyAuthentication no", ["keyboard-interactive", "password"]],
    ["KbdInteractiveAuthentication no", ["publickey", "password"]],
    ["BatchMode yes", ["publickey"]],
    ["PreferredAuthentications gssapi-with-mic,password", ["password"]],
  ])("%s leaves %j", async (config, methods) => {
    expect((await settingsBy(config)).methods).toEqual(methods);
  });

  it("goes through several hops, each with its own settings", async () => {
    const config = [
      "Host cluster\n  ProxyJump gateway,eve@inner:2222",
      "Host gateway\n  HostName gw.example\n  User ada\n  ProxyJump outer",
      "Host inner\n  ProxyJump elsewhere",
    ].join("\n");
    const { jumps } = await settingsBy(config);
    expect(jumps.map(({ host, user, port }) => `${user}@${host}:${port}`)).toEqual([
      `${userInfo().username}@outer:22`,
      "ada@gw.example:22",
      "eve@inner:2222",
    ]);
  });

  it("says that jump hosts go round in a circle", async () => {
    await expect(settingsBy("Host *\n  ProxyJump gateway")).rejects.toMatchObject({
      reason: "ssh-unreachable",
      message: expect.stringContaining("cluster, gateway, gateway"),
    });
  });

  it.each([
    ["ProxyCommand nc %h %p", "proxycommand nc %h %p"],
    ["CertificateFile ~/cert.pub", "certificatefile ~/cert.pub"],
    ["PKCS11Provider /lib/token.so", "pkcs11provider"],
    ["CanonicalizeHostname yes", "canonicalizehostname yes"],
    ["BindAddress 10.0.0.1", "bindaddress 10.0.0.1"],
    ["PreferredAuthentications gssapi-with-mic", "gssapi-with-mic"],
    ["Port ssh", "port ssh"],
    ['Match exec "test -e /vpn"\n  Port 3', "Match exec"],
    ["HostName %z", "%z is not supported"],
    ['User "ada', "cannot be read"],
  ])("%s is refused by its name", async (config, named) => {
    await expect(settingsBy(config)).rejects.toMatchObject({
      reason: "ssh-unreachable",
      message: expect.stringContaining(named),
    });
  });

  it.each([
    ["options for other hosts", "Host elsewhere\n  ProxyCommand nc %h %p"],
    ["ProxyCommand none", "ProxyCommand none"],
    ["a Match that sets only ciphers", "Match final all\n  Ciphers aes256-ctr"],
    ["a Match for another host", 'Match originalhost other exec "false"\n  Port 3'],
  ])("%s may stand", async (_what, config) => {
    expect((await settingsBy(config)).port).toBe(22);
  });

  it("runs nothing that a configuration names", async () => {
    const proof = path.join(home, "ran");
    await settingsBy(`Match exec "touch ${proof}"\n  Ciphers aes256-ctr`);
    expect(existsSync(proof)).toBe(false);
  });

  it("ends where a file includes itself", async () => {
    await expect(settingsBy("Include config")).rejects.toMatchObject({
      message: expect.stringContaining("includes too deep"),
    });
  });
});
