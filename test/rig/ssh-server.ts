import { type ChildProcess, execFileSync, spawn } from "node:child_process";
import { existsSync } from "node:fs";
import { mkdir, mkdtemp, readFile, rm, writeFile } from "node:fs/promises";
import { createServer } from "node:net";
import { tmpdir, userInfo } from "node:os";
import path from "node:path";
import type { HostSettings } from "../../orchestrator/ssh/host-settings.ts";
import { waitFor } from "./wait-for.ts";

const SSHD = "/usr/sbin/sshd";

/** Why tests against a real server are left out, or null; in CI its absence fails them. */
export const NO_SSH_SERVER: string | null =
  existsSync(SSHD) || process.env["CI"] !== undefined ? null : `${SSHD} is not installed`;

/** A real OpenSSH server on the loopback, with host key, user key and configuration of its own. */
export interface SshServer {
  directory: string;
  port: number;
  /** A private key that logs in as the user who runs the tests. */
  keyFile: string;
  knownHosts: string;
  /** The name of the host in `knownHosts`. */
  alias: string;
  hostKeyFile: string;
  /** As a `HostSettings` of somebody who has the key and knows the host. */
  settings: HostSettings;
  /** Ids of the processes that serve one connection each. */
  sessions(): number[];
  dispose(): Promise<void>;
}

export interface SshServerOptions {
  /** Lines of sshd_config before ours: the first value counts. */
  config?: string[];
  /** What `authorized_keys` puts before the key. */
  keyOptions?: string;
  /** Set for the server, and for what it runs. */
  environment?: Record<string, string>;
}

export async function sshServer(options: SshServerOptions = {}): Promise<SshServer> {
  const directory = await mkdtemp(path.join(tmpdir(), "qsweep-sshd-"));
  const at = (name: string) => path.join(directory, name);
  const hostKeyFile = newKey(at("host_key"));
  const keyFile = newKey(at("user_key"));
  const key = await readFile(`${keyFile}.pub`, "utf8");
  await writeFile(at("authorized_keys"), `${options.keyOptions ?? ""} ${key}`.trimStart());
  const port = await freePort();
  const hostKey = (await readFile(`${hostKeyFile}.pub`, "utf8")).split(" ").slice(0, 2).join(" ");
  await writeFile(at("known_hosts"), `[127.0.0.1]:${port} ${hostKey}\n`);
  await writeFile(
    at("sshd_config"),
    [
      ...(options.config ?? []),
      "ListenAddress 127.0.0.1",
      `Port ${port}`,
      `HostKey ${hostKeyFile}`,
      `PidFile ${at("sshd.pid")}`,
      `AuthorizedKeysFile ${at("authorized_keys")}`,
      "StrictModes no",
      "UsePAM no",
      "PasswordAuthentication no",
      "KbdInteractiveAuthentication no",
      "Subsystem sftp internal-sftp",
      "LogLevel VERBOSE",
      "",
    ].join("\n"),
  );
  // Privilege separation of a server that root starts wants this directory, empty.
  if (process.getuid?.() === 0) await mkdir("/run/sshd", { recursive: true });
  const server = spawn(SSHD, ["-D", "-e", "-f", at("sshd_config")], {
    stdio: ["ignore", "ignore", "pipe"],
    env: { ...process.env, ...options.environment },
  });
  let said = "";
  server.stderr.on("data", (bytes) => (said += String(bytes)));
  await waitFor(`sshd to listen: ${said}`, () => /Server listening/.test(said), 20);
  return {
    directory,
    port,
    keyFile,
    knownHosts: at("known_hosts"),
    alias: `[127.0.0.1]:${port}`,
    hostKeyFile,
    settings: {
      name: "rig",
      host: "127.0.0.1",
      port,
      user: userInfo().username,
      jumps: [],
      identityFiles: [keyFile],
      identitiesOnly: false,
      agentSocket: null,
      userKnownHosts: [at("known_hosts")],
      globalKnownHosts: [],
      hostKeyAlias: null,
      strictHostKeys: false,
      connectTimeoutSeconds: 20,
      keepAliveSeconds: 15,
      keepAliveCount: 3,
      methods: ["publickey", "keyboard-interactive", "password"],
    },
    sessions: () => childrenOf(server.pid),
    async dispose() {
      for (const pid of [...childrenOf(server.pid), server.pid]) if (pid) stop(pid);
      await ended(server);
      await rm(directory, { recursive: true, force: true });
    },
  };
}

/** Writes a new key pair, with a passphrase if one is given, and returns the private key's file. */
export function newKey(file: string, { type = "ed25519", passphrase = "" } = {}): string {
  execFileSync("ssh-keygen", ["-q", "-t", type, "-N", passphrase, "-C", "test", "-f", file]);
  return file;
}

/** A port of the loopback that nobody listens on. */
export function freePort(): Promise<number> {
  return new Promise((resolve, reject) => {
    const server = createServer().once("error", reject);
    server.listen(0, "127.0.0.1", () => {
      const address = server.address();
      server.close(() => resolve(typeof address === "object" && address ? address.port : 0));
    });
  });
}

/** Processes that a process has started, by the system's list; an ended process has none. */
function childrenOf(pid: number | undefined): number[] {
  const listed = execFileSync("ps", ["-eo", "pid=,ppid="], { encoding: "utf8" });
  return listed.split("\n").flatMap((line) => {
    const [child, parent] = line.trim().split(/\s+/).map(Number);
    return parent === pid && child !== undefined ? [child] : [];
  });
}

function stop(pid: number): void {
  try {
    process.kill(pid, "SIGKILL");
  } catch {
    // It has ended by itself.
  }
}

async function ended(child: ChildProcess): Promise<void> {
  await waitFor("sshd to end", () => child.exitCode !== null || child.signalCode !== null, 20);
}
