// Runs against a real OpenSSH server on the loopback.
import { execFileSync } from "node:child_process";
import { randomBytes } from "node:crypto";
import { once } from "node:events";
import { existsSync } from "node:fs";
import { readdir, readFile, stat, writeFile } from "node:fs/promises";
import { createServer, connect, type Socket } from "node:net";
import path from "node:path";
import { buffer } from "node:stream/consumers";
import { PassThrough, Readable } from "node:stream";
import { afterAll, beforeAll, describe, expect, it, onTestFinished } from "vitest";
import type { HostSettings } from "../../../orchestrator/ssh/host-settings.ts";
import { shellLine } from "../../../orchestrator/ssh/shell-words.ts";
import { openSsh, type SshConnection } from "../../../orchestrator/ssh/ssh-connection.ts";
import { freePort, NO_SSH_SERVER, sshServer, type SshServer } from "../../rig/ssh-server.ts";
import { waitFor } from "../../rig/wait-for.ts";
import { nobody, person } from "./prompters.ts";

const AWKWARD = [
  "it's",
  '"double"',
  "$(echo no) `echo no` $HOME",
  "two\nlines\n",
  "  blanks  ",
  "back\\slash \\n \\'",
  "bang! !! !x",
  "Zürich 東京 🦆",
  "*?[a-z]{a,b}~",
  "-n",
  "",
  "; rm & | > < #",
  "100%s %d",
];

async function open(settings: HostSettings): Promise<SshConnection> {
  const connection = await openSsh(settings, { prompter: nobody, note: () => {} });
  onTestFinished(() => connection.close());
  return connection;
}

/** A server whose sessions are as the options say; gone after the test. */
async function ownServer(options: Parameters<typeof sshServer>[0]): Promise<SshServer> {
  const server = await sshServer(options);
  onTestFinished(() => server.dispose());
  return server;
}

// The server is a program of the machine: NO_SSH_SERVER says why there is none.
describe.skipIf(NO_SSH_SERVER)("a connection to a real server", () => {
  let server: SshServer;
  beforeAll(async () => {
    server = await sshServer();
  });
  afterAll(() => server.dispose());

  describe("running commands", () => {
    it.each(AWKWARD)("passes the word %j on as it is", async (word) => {
      const host = await open(server.settings);
      const { stdout } = await host.run(shellLine(["printf", "%s.", word]));
      expect(stdout).toBe(`${word}.`);
    });

    it("gives the status, and keeps the outputs apart", async () => {
      const host = await open(server.settings);
      const result = await host.run("echo out; echo err >&2; exit 7");
      expect(result).toEqual({ status: 7, stdout: "out\n", stderr: "err\n" });
    });

    it("runs under sh, and says what sh says of a wrong script", async () => {
      const host = await open(server.settings);
      const { status, stderr } = await host.run("if; then )");
      expect(status).toBe(2);
      expect(stderr).toMatch(/syntax error/i);
    });

    it("gives 127 for a command that is not there", async () => {
      const host = await open(server.settings);
      expect((await host.run("no-such-command-here")).status).toBe(127);
    });

    it("gives 128 + n for a command that signal n ended", async () => {
      const host = await open(server.settings);
      expect((await host.run("kill -9 $$")).status).toBe(128 + 9);
    });

    it("brings a big output whole", async () => {
      const host = await open(server.settings);
      const { stdout } = await host.run("seq 1 300000");
      const expected = Array.from({ length: 300_000 }, (_, index) => index + 1);
      expect(stdout).toBe(`${expected.join("\n")}\n`);
    });

    it("refuses an output above the limit", async () => {
      const host = await open(server.settings);
      await expect(host.run("yes", { maxBytes: 1000 })).rejects.toMatchObject({
        reason: "file-invalid",
        message: "rig: a command printed more than 1000 bytes",
      });
    });

    it.each<[string, () => string | Buffer | Readable]>([
      ["text", () => "from\nhere"],
      ["bytes", () => Buffer.from("from\nhere")],
      ["a stream", () => Readable.from([Buffer.from("from\n"), Buffer.from("here")])],
    ])("gives the command %s on stdin", async (_what, stdin) => {
      const host = await open(server.settings);
      expect((await host.run("cat; echo .", { stdin: stdin() })).stdout).toBe("from\nhere.\n");
    });

    it("without stdin a command that reads sees the end", async () => {
      const host = await open(server.settings);
      expect((await host.run("wc -c")).stdout.trim()).toBe("0");
    });

    it("does not wait for what a command leaves behind", async () => {
      const host = await open(server.settings);
      const { stdout } = await host.run("sleep 30 & echo $!");
      process.kill(Number(stdout), "SIGKILL");
    });

    it("a command that takes too long is lost, not over", async () => {
      const host = await open(server.settings);
      await expect(host.run("sleep 20", { timeoutSeconds: 1 })).rejects.toMatchObject({
        reason: "ssh-lost",
        message: "rig: a command took longer than 1 s; whether it took effect is unknown",
      });
    });

    it("more at once than the server allows wait for one another", async () => {
      const small = await ownServer({ config: ["MaxSessions 2"] });
      const host = await open(small.settings);
      const numbers = Array.from({ length: 9 }, (_, index) => String(index));
      const results = await Promise.all(numbers.map((number) => host.run(`echo ${number}`)));
      expect(results.map(({ stdout }) => stdout.trim())).toEqual(numbers);
      const files = numbers.map(() => host.readFile(small.knownHosts, 1000));
      for (const file of await Promise.all(files)) expect(String(file)).toContain(small.alias);
    });

    it("says so when a stream takes the only session that the server allows", async () => {
      const small = await ownServer({ config: ["MaxSessions 1"] });
      const host = await open(small.settings);
      const program = await host.stream("cat");
      await expect(host.run("true")).rejects.toMatchObject({
        message: expect.stringContaining("the server allows no further session"),
      });
      program.destroy();
    });
  });

  describe("login shells", () => {
    const shells = ["/usr/bin/tcsh", "/usr/bin/fish", "/bin/dash", "/bin/bash", "/usr/bin/zsh"];
    describe.each(shells)("%s", (shell) => {
      // Not every machine has every shell.
      it.skipIf(!existsSync(shell))("reads the command line as any other does", async () => {
        const config = [`ForceCommand exec ${shell} -c "$SSH_ORIGINAL_COMMAND"`];
        const host = await open((await ownServer({ config })).settings);
        const script = `${shellLine(["printf", "%s.", ...AWKWARD])}; exit 3`;
        const { stdout, status } = await host.run(script);
        expect({ stdout, status }).toEqual({
          stdout: AWKWARD.map((word) => `${word}.`).join(""),
          status: 3,
        });
        // The longest script that is taken: no shell may cut it.
        const long = `: ${"x".repeat(60_000)}; echo whole`;
        expect((await host.run(long)).stdout).toBe("whole\n");
      });
    });

    it("what they print first belongs to no command", async () => {
      const noise = 'echo welcome; echo warning >&2; printf "no line end"';
      const config = [`ForceCommand ${noise}; exec /bin/sh -c "$SSH_ORIGINAL_COMMAND"`];
      const host = await open((await ownServer({ config })).settings);
      expect(await host.run("echo out; echo err >&2")).toEqual({
        status: 0,
        stdout: "out\n",
        stderr: "err\n",
      });
      const program = await host.stream("cat");
      program.end("hello");
      expect(String(await buffer(program))).toBe("hello");
    });

    it("one that runs something else instead is no end of the command", async () => {
      const config = ["ForceCommand echo only git is allowed here >&2"];
      const host = await open((await ownServer({ config })).settings);
      await expect(host.run("true")).rejects.toMatchObject({
        reason: "ssh-lost",
        message: expect.stringContaining("(only git is allowed here)"),
      });
    });
  });

  describe("lost connections", () => {
    it("a command under way when the server's session dies is lost", async () => {
      const own = await ownServer({});
      const host = await open(own.settings);
      const running = host.run("echo begun; sleep 60", { stdin: new PassThrough() });
      await Promise.all([
        expect(running).rejects.toMatchObject({
          reason: "ssh-lost",
          message: expect.stringMatching(/^rig: .*; whether it took effect is unknown$/),
        }),
        killSessions(own, "sleep 60"),
      ]);
      await expect(host.run("true")).rejects.toMatchObject({ reason: "ssh-lost" });
    });

    it("a stream under way ends with the failure", async () => {
      const own = await ownServer({});
      const host = await open(own.settings);
      const program = await host.stream("exec cat");
      const failed = once(program, "error");
      for (const pid of own.sessions()) process.kill(pid, "SIGKILL");
      expect((await failed)[0]).toMatchObject({ reason: "ssh-lost" });
    });

    it("a transfer under way is lost", async () => {
      const own = await ownServer({});
      const host = await open(own.settings);
      const target = path.join(own.directory, "never");
      const bytes = new PassThrough();
      bytes.write("some");
      const uploading = host.upload(bytes, target);
      await Promise.all([
        expect(uploading).rejects.toMatchObject({ reason: "ssh-lost" }),
        waitFor("the part", async () =>
          (await readdir(own.directory)).some((name) => name.endsWith(".part")),
        ).then(() => {
          for (const pid of own.sessions()) process.kill(pid, "SIGKILL");
        }),
      ]);
      expect(await readdir(own.directory)).not.toContain("never");
    });

    it("a server that stops answering is noticed", async () => {
      const own = await ownServer({});
      const host = await open({ ...own.settings, keepAliveSeconds: 1, keepAliveCount: 1 });
      const pids = own.sessions();
      const running = host.run("sleep 60");
      const failed = expect(running).rejects.toMatchObject({ reason: "ssh-lost" });
      for (const pid of pids) process.kill(pid, "SIGSTOP");
      await failed;
    });

    it("nothing runs once it is closed", async () => {
      const host = await open(server.settings);
      await host.close();
      await expect(host.run("true")).rejects.toMatchObject({
        reason: "ssh-lost",
        message: "rig: the connection was closed; whether it took effect is unknown",
      });
    });
  });

  describe("streams", () => {
    it("carry what both sides write, and end when this side ends", async () => {
      const host = await open(server.settings);
      const program = await host.stream('while read line; do echo "<$line>"; done');
      program.write("one\n");
      expect(String((await once(program, "data"))[0])).toBe("<one>\n");
      program.end("two\n");
      expect(String(await buffer(program))).toBe("<two>\n");
    });

    it("carry more than any buffer holds", async () => {
      const host = await open(server.settings);
      const program = await host.stream("exec cat");
      const bytes = randomBytes(20 * 1024 * 1024);
      program.end(bytes);
      expect((await buffer(program)).equals(bytes)).toBe(true);
    });

    it("live through renewals of the session's keys, asked about by nobody", async () => {
      const own = await ownServer({ config: ["RekeyLimit 1M"] });
      const somebody = person([[/Trust it/, "yes"]]);
      const settings = { ...own.settings, userKnownHosts: [] };
      const host = await openSsh(settings, { prompter: somebody, note: () => {} });
      onTestFinished(() => host.close());
      const program = await host.stream("exec cat");
      const bytes = randomBytes(5 * 1024 * 1024);
      program.end(bytes);
      expect((await buffer(program)).equals(bytes)).toBe(true);
      expect(somebody.asked).toHaveLength(1);
    });

    it("a program that ends by itself is lost, with its status", async () => {
      const host = await open(server.settings);
      const program = await host.stream("exit 3");
      program.resume();
      const [error] = await once(program, "error");
      expect(error).toMatchObject({
        reason: "ssh-lost",
        message: expect.stringContaining("a program ended by itself with status 3"),
      });
    });
  });

  describe("files", () => {
    it("are written whole, over older ones, with their mode", async () => {
      const host = await open(server.settings);
      const remote = path.join(server.directory, "sent ü");
      const bytes = randomBytes(3_000_001);
      await writeFile(remote, "older");
      const progress: number[] = [];
      const options = { mode: 0o640, onProgress: (sent: number) => progress.push(sent) };
      await host.upload(Readable.from([bytes]), remote, options);
      expect((await readFile(remote)).equals(bytes)).toBe(true);
      expect((await stat(remote)).mode & 0o777).toBe(0o640);
      expect(progress.at(-1)).toBe(bytes.length);
    });

    it("of this machine are sent by their name", async () => {
      const host = await open(server.settings);
      const remote = path.join(server.directory, "copy");
      await host.upload(server.keyFile, remote);
      expect(await readFile(remote, "utf8")).toBe(await readFile(server.keyFile, "utf8"));
    });

    it("that cannot be written leave nothing behind", async () => {
      const host = await open(server.settings);
      const remote = path.join(server.directory, "not-sent");
      const failing = Readable.from(
        (async function* () {
          yield Buffer.from("some");
          throw new Error("the source broke");
        })(),
      );
      await expect(host.upload(failing, remote)).rejects.toThrow("the source broke");
      const names = await readdir(server.directory);
      expect(names.filter((name) => name.startsWith("not-sent"))).toEqual([]);
    });

    it.each(["upload", "download"] as const)(
      "%s names a directory that is not there",
      async (way) => {
        const host = await open(server.settings);
        const remote = path.join(server.directory, "no", "such");
        const transfer =
          way === "upload"
            ? host.upload(Readable.from(["x"]), remote)
            : host.download(remote, new PassThrough());
        await expect(transfer).rejects.toMatchObject({
          reason: "file-invalid",
          message: expect.stringContaining(`${remote}: no such file or directory`),
        });
      },
    );

    it.each([0, 1_000_000, 2_000_000])("are read from byte %i on", async (offset) => {
      const host = await open(server.settings);
      const remote = path.join(server.directory, "received");
      const bytes = randomBytes(2_000_000);
      await writeFile(remote, bytes);
      const target = new PassThrough();
      const [read] = await Promise.all([buffer(target), host.download(remote, target, { offset })]);
      expect(read.equals(bytes.subarray(offset))).toBe(true);
    });

    it("are read whole up to a limit, and null where there is none", async () => {
      const host = await open(server.settings);
      const remote = path.join(server.directory, "small");
      await writeFile(remote, "12345");
      expect(String(await host.readFile(remote, 5))).toBe("12345");
      await expect(host.readFile(remote, 4)).rejects.toMatchObject({ reason: "file-invalid" });
      expect(await host.readFile(`${remote}-not`, 4)).toBeNull();
    });
  });

  describe("connecting", () => {
    it("names a host without an address", async () => {
      const settings = { ...server.settings, name: "nosuch", host: "nosuch.invalid" };
      await expect(open(settings)).rejects.toMatchObject({
        reason: "ssh-unreachable",
        message: expect.stringContaining("no address is known for this name"),
      });
    });

    it("names a port that nobody listens on", async () => {
      const port = await freePort();
      await expect(open({ ...server.settings, port })).rejects.toMatchObject({
        reason: "ssh-unreachable",
        message: `rig (127.0.0.1:${port}): connection refused`,
      });
    });

    it("gives a server that says nothing up", async () => {
      const silent = await listener(() => {});
      const settings = { ...server.settings, port: silent, connectTimeoutSeconds: 1 };
      await expect(open(settings)).rejects.toMatchObject({
        reason: "ssh-unreachable",
        message: expect.stringContaining("no answer in 1 s"),
      });
    });

    it("tries a server again that had too many logins at once", async () => {
      let connections = 0;
      const port = await listener((socket) => {
        connections += 1;
        if (connections === 1) socket.resetAndDestroy();
        else socket.pipe(connect(server.port, "127.0.0.1")).pipe(socket);
      });
      const host = await open({ ...server.settings, port, hostKeyAlias: server.alias });
      expect((await host.run("echo in")).stdout).toBe("in\n");
      expect(connections).toBe(2);
    });

    it("goes through jump hosts, each with its own key", async () => {
      const [gateway, second] = [await ownServer({}), await ownServer({})];
      const jumps = [
        { ...gateway.settings, name: "gateway" },
        { ...second.settings, name: "second" },
      ];
      const host = await open({ ...server.settings, jumps });
      expect((await host.run("echo through")).stdout).toBe("through\n");
    });

    it("names the jump host that does not answer", async () => {
      const gateway = { ...server.settings, name: "gateway", port: await freePort() };
      await expect(open({ ...server.settings, jumps: [gateway] })).rejects.toMatchObject({
        message: expect.stringMatching(/^gateway \(127\.0\.0\.1:\d+\): connection refused$/),
      });
    });

    it("names the jump host that cannot reach the next one", async () => {
      const gateway = { ...server.settings, name: "gateway" };
      const port = await freePort();
      await expect(open({ ...server.settings, port, jumps: [gateway] })).rejects.toMatchObject({
        reason: "ssh-unreachable",
        message: expect.stringContaining("through gateway: the jump host did not connect"),
      });
    });

    it("names the jump host that forwards nothing", async () => {
      const closed = await ownServer({ config: ["AllowTcpForwarding no"] });
      const gateway = { ...closed.settings, name: "gateway" };
      await expect(open({ ...server.settings, jumps: [gateway] })).rejects.toMatchObject({
        reason: "ssh-unreachable",
        remedy: expect.stringContaining("that gateway allows TCP forwarding"),
      });
    });

    it("what runs through a jump host that dies is lost", async () => {
      const own = await ownServer({});
      const host = await open({ ...server.settings, jumps: [own.settings] });
      const running = host.run("sleep 60");
      const failed = expect(running).rejects.toMatchObject({ reason: "ssh-lost" });
      for (const pid of own.sessions()) process.kill(pid, "SIGKILL");
      await failed;
    });
  });
});

/** Kills what serves the connections once a program with this text runs. */
async function killSessions(server: SshServer, text: string): Promise<void> {
  await waitFor(text, () =>
    execFileSync("ps", ["-eo", "args="], { encoding: "utf8" }).includes(text),
  );
  for (const pid of server.sessions()) process.kill(pid, "SIGKILL");
}

/** A server of plain connections; its port. Gone after the test. */
async function listener(onConnection: (socket: Socket) => void): Promise<number> {
  const sockets = new Set<Socket>();
  const listening = createServer((socket) => {
    sockets.add(socket.on("error", () => {}));
    onConnection(socket);
  });
  listening.listen(0, "127.0.0.1");
  await once(listening, "listening");
  onTestFinished(() => {
    listening.close();
    for (const socket of sockets) socket.destroy();
  });
  const address = listening.address();
  return typeof address === "object" && address ? address.port : 0;
}
