import { spawn } from "node:child_process";
import { once } from "node:events";
import { existsSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { createConnection, createServer } from "node:net";
import { hostname, networkInterfaces, tmpdir } from "node:os";
import path from "node:path";
import { text } from "node:stream/consumers";
import { afterEach, beforeEach, expect, test } from "vitest";
import { Listening, type Proof, ProofFile } from "../../../worker/contract/site-proof.ts";
import { waitFor } from "../../rig/wait-for.ts";

const PROVE = path.resolve("dist/worker/prove.js");
const nonce = "0123456789abcdef";

/** An address of this machine that others could reach. */
const own = Object.values(networkInterfaces())
  .flatMap((addresses = []) => addresses)
  .find(({ internal, family }) => !internal && family === "IPv4");
if (!own) throw new Error("these tests need a network interface");
const network = ["--interface", own.address];

let directory: string;
beforeEach(() => {
  directory = mkdtempSync(path.join(tmpdir(), "proof-"));
  writeFileSync(path.join(directory, "nonce"), `${nonce}\n`);
});
afterEach(() => rmSync(directory, { recursive: true, force: true }));

/** Runs the program of a proof's grid job; returns what it found, by the proofs' names. */
async function prove(words: string[], meet: () => Promise<void> = async () => {}) {
  const common = ["--directory", directory, "--nonce", nonce, "--gpus", "1"];
  const env = { ...process.env, NSLOTS: "1" };
  const child = spawn(process.execPath, [PROVE, ...common, ...words], { env, stdio: "ignore" });
  const ended = once(child, "exit");
  await meet();
  await ended;
  const file = ProofFile.parse(
    JSON.parse(readFileSync(path.join(directory, "proof.json"), "utf8")),
  );
  expect(file.host).toBe(hostname());
  return new Map(file.proofs.map((proof): [string, Proof] => [proof.proof, proof]));
}

async function closedPort(): Promise<number> {
  const server = createServer().listen(0, "127.0.0.1");
  await once(server, "listening");
  const address = server.address();
  server.close();
  return typeof address === "object" && address ? address.port : 0;
}

test("an execution host that has all finds it so, and waits for the login host to connect", async () => {
  const words = ["--gpu-rule", "none", "--redis-server", "/no/such/redis", ...network];
  let heard = "";
  const found = await prove(words, async () => {
    const file = path.join(directory, "listening.json");
    await waitFor("the proof to listen", async () => existsSync(file));
    const { host, port } = Listening.parse(JSON.parse(readFileSync(file, "utf8")));
    heard = await text(createConnection({ host, port }));
  });
  expect(heard).toBe(`${nonce}\n`);
  expect([...found.values()].map(({ proof, status }) => [proof, status])).toEqual([
    ["shared directory", "ok"],
    ["gpus", "ok"],
    ["engine", "ok"],
    ["redis-server", "problem"],
    ["broker", "ok"],
  ]);
  expect(found.get("engine")?.message).toMatch(/^TensorFlow \S+ on cpu, 1 threads$/);
});

test("a directory that is another one there, and GPUs that nobody names, are problems", async () => {
  writeFileSync(path.join(directory, "nonce"), "another\n");
  const port = await closedPort();
  const broker = ["--broker-host", "127.0.0.1", "--broker-port", String(port)];
  const found = await prove(["--gpu-rule", "environment", ...broker]);
  expect(found.get("shared directory")?.message).toContain("as the login host does");
  expect(found.get("gpus")?.message).toContain("CUDA_VISIBLE_DEVICES");
  expect(found.get("broker")?.message).toMatch(/127\.0\.0\.1:\d+ cannot be reached/);
});

test("on the login host it says where it listens, and ends with its input", async () => {
  const child = spawn(process.execPath, [PROVE, "--listen", "--nonce", nonce, ...network]);
  const [line] = await once(child.stdout.setEncoding("utf8"), "data");
  const { host, port } = Listening.parse(JSON.parse(String(line)));
  expect(await text(createConnection({ host, port }))).toBe(`${nonce}\n`);
  child.stdin.end();
  expect(await once(child, "exit")).toEqual([0, null]);
});
