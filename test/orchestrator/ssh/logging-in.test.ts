// Keys and host keys against a real OpenSSH server; what a person answers against a scripted one,
// since a real one asks only where it may use PAM (test/lab has such a server).
import { execFileSync, spawn } from "node:child_process";
import { once } from "node:events";
import { appendFile, readFile, rm, stat, writeFile } from "node:fs/promises";
import path from "node:path";
import { type AuthContext, Server } from "ssh2";
import { afterAll, afterEach, beforeAll, describe, expect, it, onTestFinished } from "vitest";
import type { HostSettings } from "../../../orchestrator/ssh/host-settings.ts";
import type { Prompter } from "../../../orchestrator/ssh/prompter.ts";
import { openSsh } from "../../../orchestrator/ssh/ssh-connection.ts";
import {
  freePort,
  newKey,
  NO_SSH_SERVER,
  sshServer,
  type SshServer,
} from "../../rig/ssh-server.ts";
import { waitFor } from "../../rig/wait-for.ts";
import { nobody, person } from "./prompters.ts";

async function logIn(settings: HostSettings, prompter: Prompter = nobody): Promise<void> {
  const connection = await openSsh(settings, { prompter, note: () => {} });
  await connection.close();
}

/** Adds a key pair that the server accepts. */
async function acceptedKey(server: SshServer, name: string, options = {}): Promise<string> {
  const file = newKey(path.join(server.directory, name), options);
  await appendFile(
    path.join(server.directory, "authorized_keys"),
    await readFile(`${file}.pub`, "utf8"),
  );
  return file;
}

/** A real ssh-agent that holds a key; its socket. Gone after the test. */
async function agentWith(directory: string, keyFiles: string[]): Promise<string> {
  const socket = path.join(directory, `agent-${keyFiles.length}`);
  const agent = spawn("ssh-agent", ["-D", "-a", socket], { stdio: "ignore" });
  onTestFinished(async () => {
    agent.kill();
    await rm(socket, { force: true });
  });
  await waitFor("the agent", () => stat(socket).catch(() => null), 20);
  const env = { ...process.env, SSH_AUTH_SOCK: socket };
  execFileSync("ssh-add", ["-q", ...keyFiles], { env, stdio: "ignore" });
  return socket;
}

// The server is a program of the machine: NO_SSH_SERVER says why there is none.
describe.skipIf(NO_SSH_SERVER)("logging in to a real server", () => {
  let server: SshServer;
  beforeAll(async () => {
    server = await sshServer({ config: ["MaxAuthTries 3"] });
  });
  afterAll(() => server.dispose());

  describe("keys", () => {
    it.each([
      ["ed25519", {}],
      ["ecdsa", { type: "ecdsa" }],
      ["rsa", { type: "rsa" }],
    ])("%s, from a file and from an agent", async (name, options) => {
      const file = await acceptedKey(server, name, options);
      await logIn({ ...server.settings, identityFiles: [file] });
      const agentSocket = await agentWith(server.directory, [file]);
      await logIn({ ...server.settings, identityFiles: [], agentSocket });
    });

    it("asks once for the passphrase of a key that the server accepts", async () => {
      const strange = newKey(path.join(server.directory, "strange"), { passphrase: "other" });
      const locked = await acceptedKey(server, "locked", { passphrase: "open sesame" });
      const somebody = person([[/locked/, "open sesame"]]);
      await logIn({ ...server.settings, identityFiles: [strange, locked] }, somebody);
      expect(somebody.asked).toMatchObject([{ prompt: `Passphrase of ${locked}: `, hidden: true }]);
    });

    it("needs no second file for an encrypted key of OpenSSH's own format", async () => {
      const locked = await acceptedKey(server, "locked-alone", { passphrase: "open sesame" });
      await rm(`${locked}.pub`);
      const somebody = person([[/locked/, "open sesame"]]);
      await logIn({ ...server.settings, identityFiles: [locked] }, somebody);
    });

    it("says that a passphrase was wrong", async () => {
      const locked = await acceptedKey(server, "locked-2", { passphrase: "open sesame" });
      const settings = { ...server.settings, identityFiles: [locked] };
      await expect(logIn(settings, person([[/./, "guess"]]))).rejects.toMatchObject({
        reason: "ssh-authentication",
        message: expect.stringContaining(`${locked}: wrong passphrase`),
      });
    });

    it("says that a passphrase is needed where nobody can be asked", async () => {
      const locked = await acceptedKey(server, "locked-3", { passphrase: "open sesame" });
      const settings = { ...server.settings, identityFiles: [locked] };
      await expect(logIn(settings)).rejects.toMatchObject({
        reason: "ssh-authentication",
        message: expect.stringContaining(`${locked}: the key's passphrase is needed`),
      });
    });

    it("offers the agent's configured key first: a server takes only some tries", async () => {
      const others = [1, 2, 3, 4].map((n) => newKey(path.join(server.directory, `other-${n}`)));
      const agentSocket = await agentWith(server.directory, [...others, server.keyFile]);
      await logIn({ ...server.settings, agentSocket });
      const unsaid = { ...server.settings, identityFiles: [], agentSocket };
      await expect(logIn(unsaid)).rejects.toMatchObject({
        reason: "ssh-authentication",
        message: expect.stringContaining("too many keys were offered"),
        remedy: expect.stringContaining("IdentitiesOnly"),
      });
    });

    it("lists what the server offers and what was tried", async () => {
      const strange = newKey(path.join(server.directory, "unknown"));
      const missing = path.join(server.directory, "missing");
      const settings = { ...server.settings, identityFiles: [missing, strange] };
      await expect(logIn(settings)).rejects.toMatchObject({
        reason: "ssh-authentication",
        message: expect.stringMatching(/the server offers publickey.*; tried .*\/unknown$/),
      });
    });
  });

  describe("host keys", () => {
    const settingsFor = async (knownHosts: string): Promise<HostSettings> => {
      const file = path.join(server.directory, "known");
      await writeFile(file, knownHosts, { mode: 0o600 });
      return { ...server.settings, userKnownHosts: [file] };
    };
    const fingerprintOf = (file: string) =>
      execFileSync("ssh-keygen", ["-l", "-f", file], { encoding: "utf8" }).split(" ")[1] ?? "";
    const publicKey = async (file: string) =>
      (await readFile(`${file}.pub`, "utf8")).split(" ").slice(0, 2).join(" ");

    it("an unknown one is refused, with its fingerprint, where nobody can be asked", async () => {
      await expect(logIn(await settingsFor(""))).rejects.toMatchObject({
        reason: "ssh-host-key",
        message: expect.stringContaining(`(ssh-ed25519 ${fingerprintOf(server.hostKeyFile)})`),
      });
    });

    it("an unknown one is put on file when a person says yes, as OpenSSH reads it", async () => {
      const settings = await settingsFor("other.example ssh-ed25519 AAAA");
      const somebody = person([[/Trust it/, "yes"]]);
      await logIn(settings, somebody);
      expect(somebody.asked[0]?.prompt).toContain(fingerprintOf(server.hostKeyFile));
      await logIn(settings);
      const file = settings.userKnownHosts[0] ?? "";
      const found = execFileSync("ssh-keygen", ["-F", server.alias, "-f", file]);
      expect(String(found)).toContain(await publicKey(server.hostKeyFile));
    });

    it("an unknown one is refused when a person says anything else", async () => {
      const settings = await settingsFor("");
      await expect(logIn(settings, person([[/Trust it/, "no"]]))).rejects.toMatchObject({
        reason: "ssh-host-key",
      });
      expect(await readFile(settings.userKnownHosts[0] ?? "", "utf8")).toBe("");
    });

    it("an unknown one is not asked about when the configuration is strict", async () => {
      const settings = { ...(await settingsFor("")), strictHostKeys: true };
      const somebody = person([[/Trust it/, "yes"]]);
      await expect(logIn(settings, somebody)).rejects.toMatchObject({ reason: "ssh-host-key" });
      expect(somebody.asked).toEqual([]);
    });

    it("a changed one is refused, with file and line, whoever could be asked", async () => {
      const other = newKey(path.join(server.directory, "other-host-key"));
      const settings = await settingsFor(`# a line\n${server.alias} ${await publicKey(other)}\n`);
      await expect(logIn(settings, person([[/./, "yes"]]))).rejects.toMatchObject({
        reason: "ssh-host-key",
        message: expect.stringContaining(`another key is at ${settings.userKnownHosts[0]}:2`),
      });
      await rm(other);
      await rm(`${other}.pub`);
    });

    it("a revoked one is refused although it is also known", async () => {
      const key = await publicKey(server.hostKeyFile);
      const settings = await settingsFor(`${server.alias} ${key}\n@revoked * ${key}\n`);
      await expect(logIn(settings)).rejects.toMatchObject({
        reason: "ssh-host-key",
        message: expect.stringContaining("is revoked"),
      });
    });

    it("one that OpenSSH has hashed is known", async () => {
      const key = await publicKey(server.hostKeyFile);
      const settings = await settingsFor(`${server.alias} ${key}\n`);
      const file = settings.userKnownHosts[0] ?? "";
      execFileSync("ssh-keygen", ["-q", "-H", "-f", file], { stdio: "ignore" });
      expect(await readFile(file, "utf8")).toMatch(/^\|1\|/);
      await logIn(settings);
    });

    it("of several types the one on file is asked for", async () => {
      const rsa = newKey(path.join(server.directory, "rsa_host_key"), { type: "rsa" });
      const both = await sshServer({ config: [`HostKey ${rsa}`] });
      onTestFinished(() => both.dispose());
      await writeFile(both.knownHosts, `${both.alias} ${await publicKey(rsa)}\n`);
      await logIn(both.settings);
    });

    it("a certificate authority is named as unsupported", async () => {
      const key = await publicKey(server.keyFile);
      const settings = await settingsFor(`@cert-authority * ${key}\n`);
      await expect(logIn(settings, person([[/./, "yes"]]))).rejects.toMatchObject({
        message: expect.stringContaining("the certificate authority at"),
      });
    });
  });
});

/** Decides about one try to authenticate. */
type Script = (context: AuthContext) => void;

// The scripted server has the keys of a real one.
describe.skipIf(NO_SSH_SERVER)("logging in where a person answers", () => {
  let rig: SshServer;
  beforeAll(async () => {
    rig = await sshServer();
  });
  afterAll(() => rig.dispose());
  const servers: Server[] = [];
  afterEach(() => {
    for (const server of servers.splice(0)) server.close();
  });

  /** Settings for a server that follows the script. */
  async function scripted(script: Script): Promise<HostSettings> {
    const hostKeys = [await readFile(rig.hostKeyFile)];
    const server = new Server({ hostKeys, banner: "Authorised users only" }, (client) => {
      client.on("authentication", script).on("error", () => {});
    });
    servers.push(server);
    const port = await freePort();
    server.listen(port, "127.0.0.1");
    await once(server, "listening");
    return { ...rig.settings, user: "ada", name: "cluster", port, hostKeyAlias: rig.alias };
  }

  const passwordOnly: Script = (context) => {
    if (context.method === "password" && context.password === "right") return context.accept();
    context.reject(["password"]);
  };

  it("gives the password", async () => {
    const somebody = person([[/password/, "right"]]);
    await logIn(await scripted(passwordOnly), somebody);
    expect(somebody.asked).toMatchObject([{ prompt: "ada@cluster's password: ", hidden: true }]);
  });

  it("does not ask a second time after a wrong password", async () => {
    const somebody = person([[/password/, "wrong"]]);
    await expect(logIn(await scripted(passwordOnly), somebody)).rejects.toMatchObject({
      reason: "ssh-authentication",
      message: "ada@cluster: the password was refused",
    });
    expect(somebody.asked).toHaveLength(1);
  });

  it("shows no secret in what it throws", async () => {
    const refused = logIn(await scripted(passwordOnly), person([[/password/, "hunter2"]]));
    const error = await refused.catch((thrown: unknown) => thrown);
    expect(JSON.stringify(error) + String((error as Error).stack)).not.toContain("hunter2");
  });

  it("stops when the person gives no answer", async () => {
    await expect(logIn(await scripted(passwordOnly), person([]))).rejects.toMatchObject({
      reason: "ssh-authentication",
      message: "ada@cluster: logging in was cancelled",
    });
  });

  it("says what is needed where there is no terminal", async () => {
    await expect(logIn(await scripted(passwordOnly))).rejects.toMatchObject({
      reason: "ssh-authentication",
      message: expect.stringContaining("password is needed, and there is no terminal to ask on"),
    });
  });

  it("answers several questions in several rounds, each by its own text", async () => {
    const given: string[][] = [];
    const script: Script = (context) => {
      if (context.method !== "keyboard-interactive") {
        return context.reject(["keyboard-interactive"]);
      }
      const first = [
        { prompt: "Password: ", echo: false },
        { prompt: "Verification code: ", echo: true },
      ];
      context.prompt(first, "PAM", "Two things", (answers) => {
        given.push(answers);
        context.prompt([{ prompt: "Press 1 for a push: ", echo: true }], (second) => {
          given.push(second);
          // No question at all is a round too: the server waits for the phone.
          context.prompt([], () => context.accept());
        });
      });
    };
    const somebody = person([
      [/code/, "123456"],
      [/Press/, "1"],
      [/Password/, "secret"],
    ]);
    await logIn(await scripted(script), somebody);
    expect(given).toEqual([["secret", "123456"], ["1"]]);
    expect(somebody.asked.map(({ hidden }) => hidden)).toEqual([true, false, false]);
    expect(somebody.asked[0]?.prompt).toBe("PAM\nTwo things\n(ada@cluster) Password: ");
  });

  it.each(["an agent", "a file"])("gives a code after a key of %s was accepted", async (where) => {
    const methods: string[] = [];
    const script: Script = (context) => {
      methods.push(context.method);
      if (context.method === "publickey" && context.signature) {
        return context.reject(["keyboard-interactive"], true);
      }
      if (context.method === "publickey") return context.accept();
      if (context.method !== "keyboard-interactive") {
        const accepted = methods.filter((method) => method === "publickey").length >= 2;
        return context.reject(accepted ? ["keyboard-interactive"] : ["publickey"]);
      }
      context.prompt([{ prompt: "Code: ", echo: false }], ([code]) => {
        if (code === "42") context.accept();
        else context.reject();
      });
    };
    const settings = await scripted(script);
    const agentSocket = where === "an agent" ? await agentWith(rig.directory, [rig.keyFile]) : null;
    const files = agentSocket === null ? [rig.keyFile] : [];
    await logIn({ ...settings, agentSocket, identityFiles: files }, person([[/Code/, "42"]]));
  });

  it("asks for the password when the server wants it after a code", async () => {
    const script: Script = (context) => {
      if (context.method === "keyboard-interactive") {
        return context.prompt([{ prompt: "Code: ", echo: false }], () =>
          context.reject(["password"], true),
        );
      }
      if (context.method === "password" && context.password === "right") return context.accept();
      context.reject(["keyboard-interactive"]);
    };
    const somebody = person([
      [/Code/, "42"],
      [/password/, "right"],
    ]);
    await logIn(await scripted(script), somebody);
  });

  it("removes from a server's question what would move the cursor", async () => {
    const script: Script = (context) => {
      if (context.method !== "keyboard-interactive") {
        return context.reject(["keyboard-interactive"]);
      }
      context.prompt([{ prompt: "\u001B[2J\u001B[HCode\u0007\r: ", echo: true }], () =>
        context.accept(),
      );
    };
    const somebody = person([[/Code/, "42"]]);
    await logIn(await scripted(script), somebody);
    expect(somebody.asked[0]?.prompt).toBe("(ada@cluster) [2J[HCode: ");
  });

  it("says that a server hung up while it was asked", async () => {
    const server = await scripted(() => {
      for (const each of servers.splice(0)) each.close();
      for (const client of clients) client.end();
    });
    const clients: { end(): unknown }[] = [];
    servers[0]?.on("connection", (client: { end(): unknown }) => clients.push(client));
    await expect(logIn(server)).rejects.toMatchObject({
      reason: "ssh-unreachable",
      message: expect.stringContaining("cluster"),
    });
  });
});
